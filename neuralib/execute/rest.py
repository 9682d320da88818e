"""What is left of a mix when its stems are taken away."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from neuralib.audio.block import Block
from neuralib.audio.decode import AudioInfo
from neuralib.audio.resample import resample
from neuralib.audio.shape import fold
from neuralib.execute.stem_format import StemFormat


def split_mix(
    blocks: Iterator[Block], info: AudioInfo, shape: StemFormat, *, twice: bool
) -> tuple[Iterator[Block], Iterator[Block]]:
    """Give the mix for the model and, in the shape of the stems, for what they leave.

    Two readers of one stream keep what lies between them in memory, about a segment; a reader
    that never reads would keep the song, and so it gets nothing unless `twice`.
    """
    if not twice:
        return blocks, iter(())
    heard, mixed = itertools.tee(blocks)
    folded = fold(mixed, info.layout, shape.channels)
    return heard, resample(folded, info.sample_rate, shape.sample_rate)


def add_rest(
    parts: Iterable[NDArray[np.float32]], mix: Iterator[Block]
) -> Iterator[NDArray[np.float32]]:
    """Append to the stems, as one more, what is left of the mix.

    Args:
        parts: (stems, channels, frames) each.
        mix: (channels, frames) each; at least as many frames as all parts have.

    Yields:
        (stems + 1, channels, frames), whose sum over the stems is the mix.
    """
    waiting = next(mix)
    for part in parts:
        frames = part.shape[-1]
        while waiting.shape[-1] < frames:
            waiting = np.concatenate([waiting, next(mix)], axis=-1)
        rest = waiting[:, :frames] - part.sum(axis=0)
        waiting = waiting[:, frames:]
        yield np.concatenate([part, rest[None]])
