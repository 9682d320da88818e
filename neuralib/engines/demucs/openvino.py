"""One HTDemucs as an OpenVINO graph on the processor."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
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
        level = np.full((self._spectrum.steps, self._bins), 1 + 1j, np.complex64)
        self._level = self._spectrum.back(level)
        streams = 1 if precision == "fp32" else ahead
        compiled = compile_graph(prepared.graph, precision, streams=streams)
        self._requests = [compiled.create_infer_request() for _ in range(ahead)]
        self._free: SimpleQueue[Any] = SimpleQueue()
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
        self, request: Any, samples: Block, stems: Sequence[int], stops: int
    ) -> NDArray[np.float32]:
        from openvino import Tensor

        values = self._spectrum.forward(samples).view(np.float32)
        spectrum, mean, deviation = _standard(values)
        wave, mean_t, deviation_t = _standard(samples)
        if stops < self._stops:
            raise CancelledError
        with errors_mapped():
            spectrum = spectrum.reshape(*spectrum.shape[:2], self._bins, 2)
            request.set_input_tensor(0, Tensor(spectrum, shared_memory=True))
            request.set_input_tensor(1, Tensor(wave, shared_memory=True))
            request.infer()
        spectra = request.get_output_tensor(0).data.view(np.complex64)[..., 0]
        waves = request.get_output_tensor(1).data
        level = mean_t + mean * self._level
        separated = np.empty((len(stems), *samples.shape), np.float32)
        for index, stem in enumerate(stems):
            for channel in range(self._channels):
                row = stem * self._channels + channel
                out = separated[index, channel]
                bins = spectra[row, :, _MARGIN : _MARGIN + self._bins]
                np.multiply(self._spectrum.back(bins), deviation, out=out)
                out += deviation_t * waves[row, _MARGIN : _MARGIN + self.segment_frames]
                out += level
        return separated


def _standard(
    values: NDArray[np.float32],
) -> tuple[NDArray[np.float32], np.float32, np.float32]:
    """Normalise as HTDemucs does; give mean and deviation too."""
    mean = values.mean(dtype=np.float32)
    deviation = np.float32(values.std(ddof=1, dtype=np.float32))
    normal: NDArray[np.float32] = np.subtract(values, mean)
    normal *= np.float32(1 / (_EPSILON + deviation))
    return normal, mean, deviation
