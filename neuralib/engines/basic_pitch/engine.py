"""Basic Pitch, run from its ONNX graph alone."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from neuralib.audio.block import Block
from neuralib.audio.segment import Segment, Segmenter
from neuralib.engines.base import PitchTracker, Prepare
from neuralib.engines.basic_pitch.graph import CONTOURS, FRAMES, INPUT, NOTES, ONSETS
from neuralib.engines.basic_pitch.prepared import processor_graph
from neuralib.engines.basic_pitch.weights import Unsupported
from neuralib.engines.device import Placement, cores, onnx_devices
from neuralib.errors import CheckpointError, DeviceMissing, EngineMissing, UsageError
from neuralib.midi.activations import BINS_PER_KEY, KEYS, Activations
from neuralib.midi.recorder import Recorder
from neuralib.midi.times import (
    HOP,
    KEPT_FRAMES,
    SAMPLE_RATE,
    STRIDE_SAMPLES,
    TRIM_FRAMES,
    WINDOW_FRAMES,
    WINDOW_SAMPLES,
    frames_about,
    reference_frames,
)

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

    from neuralib.models.files import ModelFiles

_WIDTHS = {ONSETS: KEYS, NOTES: KEYS, CONTOURS: KEYS * BINS_PER_KEY}

_LEAD_SAMPLES = TRIM_FRAMES * HOP

# More windows a run are no faster on a processor, where each takes 15 MB.
_WINDOWS_A_RUN = {"cpu": 1, "cuda": 32}
_MOST_RUNS = 16
_LONGEST_WAIT_SECONDS = 5.0
"""For a turn on a core: one that an interrupt took between two steps never comes back."""

_LOG = logging.getLogger(__name__)
_LOG_ERRORS_ONLY = 3


class BasicPitch(PitchTracker):
    """Spotify's note transcription model (Bittner et al., ICASSP 2022).

    On a processor it is run from a graph of its own, made of the same weights (see
    `basic_pitch_graph`). Each core runs windows of its own, for threads that share a window
    spend up to a half more time, waiting for each other. The activations are the same however
    many windows run together.
    """

    find_devices = staticmethod(onnx_devices)
    runtime = "onnxruntime"
    sample_rate: ClassVar[int] = SAMPLE_RATE

    _session: InferenceSession | None = None
    _is_ours = False
    """Whether it runs our graph, which takes one window, and as much of it as is wanted."""

    def __init__(
        self, model: ModelFiles, placement: Placement, prepared: Prepare | None = None
    ) -> None:
        super().__init__(model, placement)
        self._prepared = prepared
        self._threads = min(cores(), _MOST_RUNS) if self._kind == "cpu" else 1
        self._free_threads = threading.Semaphore(self._threads)
        # One for all the songs that are under way: each with its own would need turns on the cores.
        self._pool = ThreadPoolExecutor(self._threads, thread_name_prefix="midi")

    def load(self) -> None:
        """Read the graph.

        Raises:
            UsageError: where another precision than float32 is wished for.
            EngineMissing: where onnxruntime is not installed.
            CheckpointError: where the file is not Basic Pitch's ONNX graph.
            DeviceMissing: where the GPU cannot be used.
        """
        if self._session is not None:
            return
        if self.placement.precision != "fp32":
            raise UsageError(
                f"the model of midi has fp32 only, got {self.placement.precision}; take "
                "--precision auto"
            )
        path = self.model.paths[0]
        self._session = _open(self._graph(path), path, self.placement.device)
        self._is_ours = len(self._session.get_inputs()) > 1

    def track(self, blocks: Iterable[Block]) -> Activations:
        """Compute the activations of mono audio at `sample_rate`, as basic-pitch 0.4 does.

        They reach to the end of the audio, of which basic-pitch leaves out the last 0.7 %.

        Args:
            blocks: (1, frames) each; without any there are no activations either.

        Raises:
            OutputError: where there is no room for temporary files.
        """
        self.load()
        windows = _Windows(blocks)
        batches = _batched(windows, _WINDOWS_A_RUN[self._kind])
        with Recorder() as recorder, closing(self._runs(batches)) as pieces:
            for piece in pieces:
                recorder.append(piece)
            return recorder.finish(frames_about(windows.samples), reference_frames(windows.samples))

    def _graph(self, path: Path) -> bytes:
        try:
            if self._kind == "cpu":
                return processor_graph(self.model, self._prepared)
        except Unsupported as reason:
            _LOG.info("%s is run as it is: %s", path, reason)
        try:
            return path.read_bytes()
        except OSError as error:
            raise _not_basic_pitch(path, str(error)) from error

    @property
    def _kind(self) -> str:
        return self.placement.device.partition(":")[0]

    def _runs(self, batches: Iterable[list[Window]]) -> Generator[Activations, None, None]:
        """Compute batches, several at a time; what is not needed any more is not begun."""
        coming = iter(batches)
        first = list(islice(coming, 2))
        if len(first) < 2:  # nothing is gained by handing a short clip to another thread
            yield from map(self._run, first)
            return
        waiting: deque[Future[Activations]] = deque()
        try:
            for batch in chain(first, coming):
                waiting.append(self._pool.submit(self._run, batch))
                if len(waiting) > 2 * self._threads:  # enough to keep every core at work
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for run in waiting:
                run.cancel()

    def _run(self, windows: list[Window]) -> Activations:
        """Compute windows and join the frames that are kept of them."""
        assert self._session is not None
        values = {INPUT: np.stack([window.samples for window in windows])}
        if self._is_ours:
            values[FRAMES] = np.array([windows[0].frames])
        has_turn = self._free_threads.acquire(timeout=_LONGEST_WAIT_SECONDS)
        try:
            outputs = self._session.run(list(_WIDTHS), values)
        finally:
            if has_turn:
                self._free_threads.release()
        trim = TRIM_FRAMES if outputs[0].shape[1] == WINDOW_FRAMES else 0
        kept = (out[:, trim : trim + KEPT_FRAMES] for out in outputs)
        return Activations(*(out.reshape(-1, out.shape[-1]) for out in kept))


@dataclass(frozen=True)
class Window:
    """What the model hears at one time."""

    samples: NDArray[np.float32]
    """(43 844, 1); the last ones of a song are filled up with silence."""
    frames: int
    """How many of the frames that a window keeps start within the song; at least one."""


class _Windows:
    """Cuts blocks into the model's windows, and counts their samples on the way."""

    def __init__(self, blocks: Iterable[Block]) -> None:
        self._blocks = blocks
        self.samples = 0
        """Samples that went by, without the silence that is put in front of them."""

    def __iter__(self) -> Iterator[Window]:
        segmenter = Segmenter(1, WINDOW_SAMPLES, STRIDE_SAMPLES)
        yield from map(_window, segmenter.push(np.zeros((1, _LEAD_SAMPLES), np.float32)))
        for block in self._blocks:
            self.samples += block.shape[-1]
            yield from map(_window, segmenter.push(block))
        for segment in segmenter.finish():
            if segment.frames > _LEAD_SAMPLES:  # else the window before has said all
                yield _window(segment)


def _batched(windows: Iterable[Window], size: int) -> Iterator[list[Window]]:
    waiting = iter(windows)
    while batch := list(islice(waiting, size)):
        yield batch


def _window(segment: Segment) -> Window:
    samples = np.zeros((WINDOW_SAMPLES, 1), np.float32)
    samples[: segment.frames] = segment.samples.T
    return Window(samples, frames_about(min(segment.frames - _LEAD_SAMPLES, STRIDE_SAMPLES)))


def _open(graph: bytes, path: Path, device: str) -> InferenceSession:
    try:
        import onnxruntime
    except ImportError as error:
        raise EngineMissing(
            f"onnxruntime cannot be imported ({error}); install it with `pip install onnxruntime`"
        ) from error
    onnxruntime.set_default_logger_severity(_LOG_ERRORS_ONLY)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    provider, settings = _provider(device)
    if provider not in onnxruntime.get_available_providers():
        raise _no_device(device)
    try:
        session = onnxruntime.InferenceSession(graph, options, providers=[(provider, settings)])
    except Exception as error:  # onnxruntime's errors have no class of their own in common
        raise _not_basic_pitch(path, str(error)) from error
    if provider not in session.get_providers():  # it falls back to the processor
        raise _no_device(device)
    _check(session, path)
    return session


def _provider(device: str) -> tuple[str, dict[str, str]]:
    kind, _, number = device.partition(":")
    if kind == "cpu":
        return "CPUExecutionProvider", {}
    return "CUDAExecutionProvider", {"device_id": number}


def _no_device(device: str) -> DeviceMissing:
    return DeviceMissing(
        f"onnxruntime cannot use device {device}; take --device cpu, or install onnxruntime-gpu "
        "in place of onnxruntime"
    )


def _check(session: InferenceSession, path: Path) -> None:
    inputs = {each.name: tuple(each.shape[1:]) for each in session.get_inputs()}
    outputs = {each.name: tuple(each.shape[1:]) for each in session.get_outputs()}
    known = [
        (
            {INPUT: (WINDOW_SAMPLES, 1)} | more,
            {name: (frames, wide) for name, wide in _WIDTHS.items()},
        )
        for more, frames in (({}, WINDOW_FRAMES), ({FRAMES: ()}, FRAMES))
    ]
    if (inputs, outputs) not in known:
        raise _not_basic_pitch(path, f"its inputs are {inputs} and its outputs {outputs}")


def _not_basic_pitch(path: Path, reason: str) -> CheckpointError:
    return CheckpointError(
        f"{path} is not Basic Pitch's ONNX graph ({reason}); take --model basic-pitch, and if it "
        "is damaged fetch it again with `neuralib models pull basic-pitch`"
    )
