"""The mean and deviation of a whole track, in one pass over its blocks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neuralib.audio.block import Block


@dataclass(frozen=True)
class Measurement:
    """Statistics of a track; mean and deviation are those of its mono mix."""

    frames: int
    """Length in samples of one channel."""
    mean: float
    """Mean of the mono mix; 0 for an empty track."""
    std: float
    """Unbiased standard deviation of the mono mix; 0 for fewer than two frames."""


def measure(blocks: Iterable[Block]) -> Measurement:
    """Measure a track whatever its length.

    The mono mix is the mean over channels. Sums of squares are taken about the mean of each
    block and merged pairwise in float64, which stays exact where a running sum of squares
    cancels: Chan, Golub and LeVeque, "Updating formulae and a pairwise algorithm for computing
    sample variances", 1979.

    Args:
        blocks: (channels, frames) each.

    Returns:
        What `mono = wav.mean(0); mono.mean(); mono.std()` gives in torch.
    """
    frames, mean, squares = 0, 0.0, 0.0
    for block in blocks:
        count = block.shape[1]
        if count == 0:
            continue
        mono = _mono(block)
        block_mean = float(mono.mean())
        shift = block_mean - mean
        total = frames + count
        mean += shift * count / total
        mono -= block_mean
        squares += float(np.square(mono, out=mono).sum()) + shift**2 * frames * count / total
        frames = total
    std = (squares / (frames - 1)) ** 0.5 if frames > 1 else 0.0
    return Measurement(frames, mean, std)


def _mono(block: Block) -> NDArray[np.float64]:
    """Mix down in float64, which takes numpy's own mean over an axis twice as long."""
    exact = block.astype(np.float64)
    mono: NDArray[np.float64] = exact[0]
    for other in exact[1:]:
        mono += other
    mono /= len(exact)
    return mono
