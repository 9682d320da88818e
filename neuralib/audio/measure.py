"""The mean, deviation and peak of a whole track, in one pass over its blocks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

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
    peak: float
    """Greatest absolute sample of any channel."""


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
    frames, mean, squares, peak = 0, 0.0, 0.0, 0.0
    for block in blocks:
        count = block.shape[1]
        if count == 0:
            continue
        mono = block.mean(axis=0, dtype=np.float64)
        block_mean = float(mono.mean())
        shift = block_mean - mean
        total = frames + count
        mean += shift * count / total
        squares += float(np.square(mono - block_mean).sum()) + shift**2 * frames * count / total
        frames = total
        peak = max(peak, float(np.abs(block).max()))
    std = (squares / (frames - 1)) ** 0.5 if frames > 1 else 0.0
    return Measurement(frames, mean, std, peak)
