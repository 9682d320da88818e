"""Blocks of one length out of blocks of any length."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from neuralib.audio.block import Block


class Reblocker:
    """Cuts and joins the blocks of one stream as they arrive."""

    def __init__(self, frames: int) -> None:
        self._frames = frames
        self._parts: list[Block] = []
        self._filled = 0

    def push(self, block: Block) -> Iterator[Block]:
        """Take (channels, any number of frames) in; yield what has become full.

        What was given is not to be changed before it is yielded.
        """
        start = 0
        while start < block.shape[1]:
            part = block[:, start : start + self._frames - self._filled]
            start += part.shape[1]
            self._parts.append(part)
            self._filled += part.shape[1]
            if self._filled == self._frames:
                yield from self.finish()

    def finish(self) -> Iterator[Block]:
        """Yield the rest, if there is one."""
        if self._parts:
            joined = np.empty((self._parts[0].shape[0], self._filled), np.float32)
            np.concatenate(self._parts, axis=1, out=joined)
            self._parts, self._filled = [], 0
            yield joined


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
