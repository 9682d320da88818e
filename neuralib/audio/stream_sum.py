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
        self._sum = np.zeros((*shape, 0), np.float32)
        self._delivered = [0] * streams

    def add(self, stream: int, samples: NDArray[np.float32]) -> None:
        """Take in the next frames of one stream: (*shape, frames)."""
        start = self._delivered[stream]
        end = start + samples.shape[-1]
        missing = end - self._sum.shape[-1]
        if missing > 0:
            more = np.zeros((*self._sum.shape[:-1], missing), np.float32)
            self._sum = np.concatenate([self._sum, more], axis=-1)
        self._sum[..., start:end] += samples
        self._delivered[stream] = end

    def take(self) -> NDArray[np.float32]:
        """Hand out the frames that are complete, maybe none: (*shape, frames)."""
        frames = min(self._delivered)
        if not frames:
            return self._sum[..., :0]
        done, self._sum = self._sum[..., :frames], self._sum[..., frames:].copy()
        self._delivered = [delivered - frames for delivered in self._delivered]
        return done
