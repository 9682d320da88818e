"""Cutting a stream into overlapping segments, each with real audio around it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neuralib.audio.block import Block


@dataclass(frozen=True)
class Segment:
    """A stretch of a stream, in the middle of the samples that lie around it."""

    offset: int
    """Frame of the stream at which the segment starts."""
    frames: int
    """Frames of the segment itself; fewer than the segmenter's `length` only at the end."""
    samples: Block
    """(channels, padded frames): the segment with its surroundings, zeros beyond the stream."""

    def trim(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Take the segment's own frames out of `samples`, which are as long as `self.samples`."""
        left = (self.samples.shape[-1] - self.frames) // 2
        return samples[..., left : left + self.frames]


def no_padding(frames: int) -> int:
    """Leave a segment as long as it is."""
    return frames


class Segmenter:
    """Cuts blocks of any length into segments that start every `stride` frames.

    There is a segment at each multiple of `stride` before the stream's end; segments that reach
    beyond the end are shorter. A segment of n frames is delivered in the middle of
    `padded_length(n)` samples, as demucs does it: `(padded_length(n) - n) // 2` on its left and
    the rest on its right, taken from the stream as far as it goes.

    At most `length + padded_length(length)` frames are kept.
    """

    def __init__(
        self,
        channels: int,
        length: int,
        stride: int,
        padded_length: Callable[[int], int] = no_padding,
    ) -> None:
        """Start at frame 0.

        Args:
            channels: of the blocks.
            length: frames of a segment.
            stride: frames from one segment's start to the next one's, 1 to `length`.
            padded_length: gives for 1 to `length` frames how many the model wants to see; never
                fewer than it was given, and never fewer for more frames.
        """
        if not 1 <= stride <= length:
            raise ValueError(f"stride is {stride} frames; it must be from 1 to {length}")
        longest = padded_length(length)
        self._length = length
        self._stride = stride
        self._padded_length = padded_length
        self._left = longest // 2
        self._ahead = (longest + length + 1) // 2
        # What lies before the stream stays zero; frame `_offset` is always at index `_left`.
        self._buffer = np.zeros((channels, self._left + self._ahead), np.float32)
        self._offset = 0
        self._filled = 0

    def push(self, block: Block) -> Iterator[Segment]:
        """Take in the stream's next frames; yield the segments that are complete with them.

        The iterator must be used up before the next call.
        """
        start = 0
        while start < block.shape[-1]:
            taken = block[:, start : start + self._ahead - self._filled]
            start += taken.shape[-1]
            at = self._left + self._filled
            self._buffer[:, at : at + taken.shape[-1]] = taken
            self._filled += taken.shape[-1]
            if self._filled == self._ahead:
                yield self._next()

    def finish(self) -> Iterator[Segment]:
        """Yield the last segments of the stream, which has ended."""
        self._buffer[:, self._left + self._filled :] = 0.0
        while self._filled > 0:
            yield self._next()

    def _next(self) -> Segment:
        frames = min(self._filled, self._length)
        padded = self._padded_length(frames)
        start = self._left - (padded - frames) // 2
        segment = Segment(self._offset, frames, self._buffer[:, start : start + padded].copy())
        self._buffer[:, : -self._stride] = self._buffer[:, self._stride :]
        self._buffer[:, -self._stride :] = 0.0
        self._offset += self._stride
        self._filled -= self._stride
        return segment
