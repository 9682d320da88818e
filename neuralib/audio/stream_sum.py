"""Adding streams that come at different paces."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


class StreamSum:
    """The sum of several streams, frame by frame, as soon as all have delivered a frame.

    It keeps as many frames as the fastest stream is ahead of the slowest.
    """

    def __init__(self, streams: int, shape: tuple[int, ...]) -> None:
        """Start all streams at frame 0.

        Args:
            streams: how many there are.
            shape: of their samples, without the last dimension, the frames.
        """
        self._sum: NDArray[np.float32] = np.zeros((*shape, 0), np.float32)
        self._delivered = [0] * streams

    def add(self, stream: int, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Take in the next frames of one stream; return the sums that they complete, maybe none.

        Args:
            stream: its number, from 0.
            samples: (*shape, frames).

        Returns:
            (*shape, frames), from where the last call's sums ended.
        """
        start = self._delivered[stream]
        end = start + samples.shape[-1]
        self._grow(end)
        self._sum[..., start:end] += samples
        self._delivered[stream] = end
        complete = min(self._delivered)
        if not complete:
            return self._sum[..., :0]
        done, self._sum = self._sum[..., :complete], self._sum[..., complete:].copy()
        self._delivered = [delivered - complete for delivered in self._delivered]
        return done

    def _grow(self, frames: int) -> None:
        missing = frames - self._sum.shape[-1]
        if missing > 0:
            more = np.zeros((*self._sum.shape[:-1], missing), np.float32)
            self._sum = np.concatenate([self._sum, more], axis=-1)
