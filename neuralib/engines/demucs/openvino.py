"""One HTDemucs as an OpenVINO graph on the processor."""

from __future__ import annotations

import math
from collections.abc import Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuralib.audio.block import Block
from neuralib.engines.demucs.prepared import PreparedDemucs
from neuralib.engines.demucs.spectrum import Spectrum
from neuralib.engines.openvino_runtime import compile_graph, errors_mapped
from neuralib.tasks import Precision

_EPSILON = 1e-5  # HTDemucs adds it to deviations
_MARGIN = 2
"""Frames and bins that lie in front of what the graph's outputs are about."""
_BLOCK = 8
"""Numbers that four bins are."""


class OpenVINONetwork:
    """A graph in memory, which has several segments under way, so that no core ever rests.

    In bfloat16 each has a share of the cores to itself, for its transforms as well: two threads
    that share a layer wait for each other, and one core would rest while the other one
    transforms. In float32, where the transforms are a smaller part and the layers' results twice
    as large, one segment at a time has all the cores, while others are transformed.
    """

    def __init__(self, prepared: PreparedDemucs, precision: Precision, ahead: int) -> None:
        """Compile the graph.

        Args:
            prepared: the graph.
            precision: `fp32` or `bf16`.
            ahead: segments under way.

        Raises:
            CheckpointError: where the graph cannot be read.
            DeviceMissing: where the memory does not suffice.
        """
        self.segment_frames = prepared.segment_frames
        self.ahead = ahead
        self._channels = prepared.channels
        self._spectrum = Spectrum(prepared.transform_size, prepared.segment_frames)
        self._bins = prepared.transform_size // 2
        # The transform is linear, so the level that all bins get is added as the wave it makes.
        level = np.full((1, self._spectrum.steps, self._bins + 1), 1 + 1j, np.complex64)
        level[..., -1] = 0
        self._level = self._spectrum.back(1, lambda steps: level[:, steps])[0]
        streams = 1 if precision == "fp32" else ahead
        compiled = compile_graph(prepared.graph, precision, streams=streams)
        self._requests = [_Request.of(compiled) for _ in range(ahead)]
        self._free: SimpleQueue[_Request] = SimpleQueue()
        for request in self._requests:
            self._free.put(request)
        self._pool = ThreadPoolExecutor(ahead, thread_name_prefix="separate")
        self._stops = 0

    def padded_length(self, frames: int) -> int:
        """Tell how many frames the model wants to see: always those of a whole segment."""
        return self.segment_frames

    def start(self, samples: Block, stems: Sequence[int]) -> Future[NDArray[np.float32]]:
        """Begin to separate one padded segment; see `Network`."""
        return self._pool.submit(self._separate, samples, stems, self._stops)

    def flush(self) -> None:
        """Do nothing: no segment waits for others."""

    def stop(self) -> None:
        """End what is under way, the graph itself after the layer that it is at.

        What was begun before gives no result, but an error that nobody waits for.
        """
        self._stops += 1
        for request in self._requests:
            request.cancel()

    def _separate(self, samples: Block, stems: Sequence[int], stops: int) -> NDArray[np.float32]:
        request = self._free.get()
        try:
            return self._run(request, samples, stems, stops)
        finally:
            self._free.put(request)

    def _run(
        self, request: _Request, samples: Block, stems: Sequence[int], stops: int
    ) -> NDArray[np.float32]:
        steps, width = self._spectrum.steps, self._bins + 2 * _MARGIN
        spectrum = np.zeros((self._channels, steps, width), np.complex64)
        bins = spectrum[..., _MARGIN:-_MARGIN]
        self._spectrum.forward(samples, bins)
        mean, deviation = _standardise(bins.view(np.float32))
        wave = samples.copy()
        mean_t, deviation_t = _standardise(wave)
        if stops < self._stops:
            raise CancelledError
        request.run(spectrum.view(np.float32).reshape(self._channels, steps, -1, _BLOCK), wave)
        rows = [
            stem * self._channels + channel for stem in stems for channel in range(self._channels)
        ]
        separated = self._back(request.spectra, rows)
        level = mean_t + mean * self._level
        for out, row in zip(separated, rows, strict=True):
            out *= deviation
            out += deviation_t * request.waves[row, _MARGIN : _MARGIN + self.segment_frames]
            out += level
        return separated.reshape(len(stems), *samples.shape)

    def _back(self, spectra: NDArray[np.float32], rows: Sequence[int]) -> NDArray[np.float32]:
        """Transform some rows of the graph's `spectra` to (rows, frames)."""
        blocks = spectra.view(np.dtype((np.void, spectra.itemsize * _BLOCK)))[..., 0]

        def bins(steps: slice) -> NDArray[np.complex64]:
            some = blocks[:, steps]
            ordered = np.empty((len(rows), some.shape[1], len(some)), some.dtype)
            for out, row in zip(ordered, rows, strict=True):
                out[...] = some[..., row].T
            values = ordered.view(np.complex64)[..., _MARGIN : _MARGIN + self._bins + 1]
            values[..., -1] = 0
            return values

        return self._spectrum.back(len(rows), bins)


@dataclass(frozen=True)
class _Request:
    """One segment's place in the graph, and the arrays that its outputs are written to.

    The arrays are numpy's: OpenVINO's own take more than twice as long to write.
    """

    request: Any
    spectra: NDArray[np.float32]
    waves: NDArray[np.float32]

    @classmethod
    def of(cls, compiled: Any) -> _Request:
        """Make one for a compiled graph."""
        from openvino import Tensor

        outputs = [np.empty(tuple(each.shape), np.float32) for each in compiled.outputs]
        request = compiled.create_infer_request()
        for index, output in enumerate(outputs):
            request.set_output_tensor(index, Tensor(output, shared_memory=True))
        return cls(request, *outputs)

    def cancel(self) -> None:
        """End the graph after the layer that it is at."""
        self.request.cancel()

    def run(self, spectrum: NDArray[np.float32], wave: NDArray[np.float32]) -> None:
        """Compute `spectra` and `waves` of a segment."""
        from openvino import Tensor

        with errors_mapped():
            for index, values in enumerate((spectrum, wave)):
                self.request.set_input_tensor(index, Tensor(values, shared_memory=True))
            self.request.infer()


def _standardise(values: NDArray[np.float32]) -> tuple[np.float32, np.float32]:
    """Normalise in place as HTDemucs does; give mean and deviation."""
    mean = values.mean(dtype=np.float32)
    values -= mean
    squares = np.square(values).sum(dtype=np.float32)  # in pairs, as exact as demucs' own
    deviation = np.float32(math.sqrt(squares / (values.size - 1)))
    values *= np.float32(1 / (_EPSILON + deviation))
    return mean, deviation
