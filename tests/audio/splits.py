"""Any splitting of audio into blocks, for property tests."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from hypothesis import strategies

from neuralib.audio.block import Block

cuts = strategies.lists(strategies.integers(0, 3000), max_size=8)
"""Where to cut: lengths of the first blocks; the rest is one block."""


def split(samples: Block, lengths: Iterable[int]) -> Iterator[Block]:
    """Cut (channels, frames) into blocks of these lengths (some may be empty), and the rest."""
    start = 0
    for length in lengths:
        yield samples[:, start : start + length]
        start = min(start + length, samples.shape[1])
    yield samples[:, start:]


def join(blocks: Iterable[Block], channels: int) -> Block:
    """Put blocks back together."""
    return np.concatenate([np.zeros((channels, 0), np.float32), *blocks], axis=1)
