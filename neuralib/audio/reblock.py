"""Blocks of one length out of blocks of any length."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from neuralib.audio.block import Block


def reblock(blocks: Iterable[Block], frames: int) -> Iterator[Block]:
    """Cut and join blocks so that each is `frames` long, but for the last, which may be shorter.

    Args:
        blocks: float32 (channels, any number of frames), all with the same channels.
        frames: length of the blocks that come out, 1 or more.

    Yields:
        Newly allocated C-contiguous blocks; nothing where there is not one sample.
    """
    buffer = np.empty((0, 0), np.float32)
    filled = 0
    for block in blocks:
        start = 0
        while start < block.shape[1]:
            if filled == 0:
                buffer = np.empty((block.shape[0], frames), np.float32)
            count = min(frames - filled, block.shape[1] - start)
            buffer[:, filled : filled + count] = block[:, start : start + count]
            start += count
            filled += count
            if filled == frames:
                yield buffer
                filled = 0
    if filled:
        yield buffer[:, :filled].copy()
