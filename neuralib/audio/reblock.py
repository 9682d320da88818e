"""Blocks of one length out of blocks of any length."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from neuralib.audio.block import Block


class Reblocker:
    """Cuts and joins the blocks of one stream as they arrive."""

    def __init__(self, frames: int) -> None:
        self._frames = frames
        self._buffer: Block = np.empty((0, 0), np.float32)
        self._filled = 0

    def push(self, block: Block) -> Iterator[Block]:
        """Take (channels, any number of frames) in; yield what has become full."""
        start = 0
        while start < block.shape[1]:
            if self._filled == 0:
                self._buffer = np.empty((block.shape[0], self._frames), np.float32)
            count = min(self._frames - self._filled, block.shape[1] - start)
            self._buffer[:, self._filled : self._filled + count] = block[:, start : start + count]
            start += count
            self._filled += count
            if self._filled == self._frames:
                self._filled = 0
                yield self._buffer

    def finish(self) -> Iterator[Block]:
        """Yield the rest, if there is one."""
        if self._filled:
            yield self._buffer[:, : self._filled].copy()


def reblock(blocks: Iterable[Block], frames: int) -> Iterator[Block]:
    """Cut and join blocks so that each is `frames` long, but for the last, which may be shorter.

    Args:
        blocks: float32 (channels, any number of frames), all with the same channels.
        frames: length of the blocks that come out, 1 or more.

    Yields:
        Newly allocated C-contiguous blocks; nothing where there is not one sample.
    """
    reblocker = Reblocker(frames)
    for block in blocks:
        yield from reblocker.push(block)
    yield from reblocker.finish()
