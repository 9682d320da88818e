"""One Demucs model in PyTorch on its device."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from neuralib.audio.block import Block
from neuralib.engines.demucs.arithmetic import arithmetic, mend_few_channels, told_errors
from neuralib.engines.demucs.checkpoint import Checkpoint
from neuralib.engines.device import Placement, cores
from neuralib.engines.refusal import brief
from neuralib.errors import DeviceMissing

_LOG = logging.getLogger(__name__)

_MOST_SEGMENTS = 8
"""Side by side on a GPU; more fill it no better."""
_FRAME_BYTES = 2000
"""Memory that the layers take for a frame, in float32 and for the largest models."""


class Network(Protocol):
    """A model that is called with one segment at a time."""

    segment_frames: int
    ahead: int
    """How many segments should be under way while the result of another is looked at."""

    def padded_length(self, frames: int) -> int:
        """Tell how many frames the model wants to see around a segment of `frames` frames."""

    def start(self, samples: Block, stems: Sequence[int]) -> Future[NDArray[np.float32]]:
        """Begin to separate one padded segment.

        Args:
            samples: (channels, frames), float32.
            stems: which of the model's stems to hand out.

        Returns:
            float32 (len(stems), channels, frames).
        """

    def flush(self) -> None:
        """Begin what waits for more segments beside it; no more will come."""

    def stop(self) -> None:
        """End what is under way; nobody waits for it any more."""


@dataclass(frozen=True)
class _Piece:
    """A segment that waits for others to be separated with."""

    samples: Block
    stems: Sequence[int]
    separated: Future[NDArray[np.float32]] = field(default_factory=Future)

    def suits(self, other: _Piece) -> bool:
        """Whether both can be separated in one call."""
        return self.samples.shape == other.samples.shape and list(self.stems) == list(other.stems)


class DemucsNetwork:
    """A model in memory: (channels, frames) in, (stems, channels, frames) out.

    A GPU separates several segments at once, while the next ones are made ready; where they do
    not fit into its memory, fewer. Which segments are together depends on their order alone.
    """

    placement: Placement
    """Where it runs; the processor where the GPU lacks a layer."""

    def __init__(
        self,
        checkpoint: Checkpoint,
        segment_seconds: float | None,
        placement: Placement,
        batch: int | None = None,
    ) -> None:
        """Read the weights.

        Args:
            checkpoint: the model.
            segment_seconds: the bag's wish for the length of a segment, or None.
            placement: where and in which arithmetic to run.
            batch: how many segments to separate at once; None: as many as suit the device.

        Raises:
            CheckpointError: where the weights do not fit the model.
            DeviceMissing: where they do not fit into the device's memory.
        """
        self.placement = placement
        self.segment_frames = checkpoint.segment_frames(segment_seconds)
        model = checkpoint.build(segment_seconds)
        if placement == Placement("cpu", "bf16"):
            mend_few_channels(model)
        with told_errors(placement):
            self._model = model.to(placement.device)
        if placement.device == "mps":
            self._try_layers(checkpoint.channels)
        self._prepare_device()
        self._batch = batch or _segments_for(self.placement.device, self.segment_frames)
        self._at_once = self._batch
        self._waiting: list[_Piece] = []
        is_alone = self.placement.device == "cpu" and self._batch == 1
        self.ahead = 0 if is_alone else 2 * self._batch - 1
        # Two batches are under way on a GPU of NVIDIA, one of them on its way there or back.
        threads = 2 if self._is_on_cuda() else 1
        self._pool = None if is_alone else ThreadPoolExecutor(threads, "separate")

    def padded_length(self, frames: int) -> int:
        """Tell how many frames the model wants to see around a segment of `frames` frames."""
        valid_length = getattr(self._model, "valid_length", None)
        return frames if valid_length is None else int(valid_length(frames))

    def start(self, samples: Block, stems: Sequence[int]) -> Future[NDArray[np.float32]]:
        """Begin to separate one padded segment, with those that follow it; see `Network`.

        Alone on a processor it is separated before this returns. The result may be an error:

        Raises:
            DeviceMissing: where the device's memory does not suffice for one segment.
            UsageError: where the device has not the arithmetic.
        """
        piece = _Piece(samples, stems)
        if self._waiting and not piece.suits(self._waiting[0]):
            self.flush()
        self._waiting.append(piece)
        if len(self._waiting) == self._batch:
            self.flush()
        return piece.separated

    def flush(self) -> None:
        """Begin what waits for more segments beside it."""
        pieces, self._waiting = self._waiting, []
        if self._pool is None:
            self._separate(pieces)
        elif pieces:
            self._pool.submit(self._separate, pieces)

    def stop(self) -> None:
        """Forget what waits; a batch that runs is not ended."""
        self._waiting = []

    def _separate(self, pieces: Sequence[_Piece]) -> None:
        pieces = [each for each in pieces if each.separated.set_running_or_notify_cancel()]
        done = 0
        try:
            while done < len(pieces):
                some = pieces[done : done + self._at_once]
                separated = self._fitting(some)
                for piece, result in zip(some, separated, strict=False):
                    piece.separated.set_result(result)
                done += len(separated)
        except BaseException as error:
            for piece in pieces[done:]:
                piece.separated.set_exception(error)

    def _fitting(self, pieces: Sequence[_Piece]) -> Sequence[NDArray[np.float32]]:
        """Separate `pieces`, or none of them where so many do not fit into the memory."""
        try:
            return list(self._run(np.stack([each.samples for each in pieces]), pieces[0].stems))
        except DeviceMissing:
            if len(pieces) == 1:
                raise
        self._at_once = len(pieces) // 2
        _LOG.info(
            "%s has no memory for %d segments at once; it takes %d",
            self.placement.device, len(pieces), self._at_once,
        )  # fmt: skip
        if self._is_on_cuda():
            import torch

            torch.cuda.empty_cache()
        return []

    def _run(self, mixes: NDArray[np.float32], stems: Sequence[int]) -> NDArray[np.float32]:
        """Turn (segments, channels, frames) into (segments, stems, channels, frames)."""
        import torch

        with torch.inference_mode(), told_errors(self.placement), arithmetic(self.placement):
            output = self._model(self._sent(torch.from_numpy(mixes)))[:, list(stems)].float()
            separated: NDArray[np.float32] = self._fetched(output).numpy()
        return separated

    def _sent(self, mixes: Any) -> Any:
        if not self._is_on_cuda():
            return mixes.to(self.placement.device)
        return mixes.pin_memory().to(self.placement.device, non_blocking=True)

    def _fetched(self, output: Any) -> Any:
        """Copy to this machine's memory, beside what the GPU goes on to compute."""
        import torch

        if not self._is_on_cuda():
            return output.cpu()
        host = torch.empty(output.shape, dtype=output.dtype, pin_memory=True)
        self._copies.wait_stream(torch.cuda.current_stream(output.device))
        with torch.cuda.stream(self._copies):
            host.copy_(output, non_blocking=True)
            output.record_stream(self._copies)
            self._copies.record_event().synchronize()
        return host

    def _try_layers(self, channels: int) -> None:
        """Separate silence, and move to the processor where Apple's GPU lacks a layer."""
        frames = self.padded_length(self.segment_frames)
        try:
            self._run(np.zeros((1, channels, frames), np.float32), [0])
        except NotImplementedError as error:
            _LOG.warning(
                "mps lacks what this model needs (%s); the processor computes instead",
                brief(str(error)),
            )  # fmt: skip
            self.placement = Placement("cpu", "fp32", self.placement.is_free)
            self._model = self._model.to("cpu")

    def _prepare_device(self) -> None:
        import torch

        if self.placement.device == "cpu":
            torch.set_num_threads(min(torch.get_num_threads(), cores()))
        if self._is_on_cuda():
            cuda: Any = torch.cuda  # it has no types
            self._copies = cuda.Stream(self.placement.device)

    def _is_on_cuda(self) -> bool:
        return self.placement.device.startswith("cuda")


def _segments_for(device: str, frames: int) -> int:
    """Tell how many segments a device separates at once, by the memory that it has in all.

    What is free now does not count, so that the same machine gives the same bytes.
    """
    import torch

    if device == "cpu":
        return 1
    memory: float = (
        torch.mps.recommended_max_memory()
        if device == "mps"
        else torch.cuda.get_device_properties(device).total_memory
    )
    return max(1, min(_MOST_SEGMENTS, int(memory / 2 / (_FRAME_BYTES * frames))))
