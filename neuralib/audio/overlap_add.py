"""Joining overlapping segments into a stream again."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def triangle(length: int) -> NDArray[np.float32]:
    """Weights of a segment's frames: highest, 1, in the middle, and falling to both ends.

    demucs' window (`apply_model` with `transition_power=1`): rising by equal steps
    over the first ⌊n/2⌋ frames, falling over the others, 1 at its highest. Shape (length,).
    """
    rising = length // 2
    weights = np.concatenate([np.arange(1, rising + 1), np.arange(length - rising, 0, -1)])
    return np.asarray(weights / weights.max(), np.float32)


class OverlapAdd:
    """Averages overlapping segments, weighted by `triangle`, with one segment of state.

    It takes the segments of a `Segmenter` of the same length and stride, in their order.
    """

    def __init__(self, shape: tuple[int, ...], length: int, stride: int) -> None:
        """Start with the segment at frame 0.

        Args:
            shape: of the segments, without the last dimension, the frames.
            length: frames of a full segment.
            stride: frames from one segment's start to the next one's, 1 to `length`.
        """
        self._stride = stride
        self._window = triangle(length)
        self._sum = np.zeros((*shape, length), np.float32)
        self._weight = np.zeros(length, np.float32)

    def add(self, segment: NDArray[np.float32]) -> NDArray[np.float32]:
        """Add the next segment; return the frames that no later segment touches.

        The frames returned by all calls together are the whole stream: a segment that is longer
        than the stride is never the last one.

        Args:
            segment: (*shape, frames), at most `length` frames; fewer at the stream's end.
        """
        frames = segment.shape[-1]
        window = self._window[:frames]
        self._sum[..., :frames] += window * segment
        self._weight[:frames] += window
        final = min(frames, self._stride)
        done: NDArray[np.float32] = self._sum[..., :final] / self._weight[:final]
        self._advance(self._sum)
        self._advance(self._weight)
        return done

    def _advance(self, state: NDArray[np.float32]) -> None:
        state[..., : -self._stride] = state[..., self._stride :]
        state[..., -self._stride :] = 0.0
