"""Where a long recording is cut into lanes that are transcribed side by side."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from neuralib.engines.whisper.graph import FRAMES

_LEAST_WINDOWS = 2
"""Windows a lane: each lane begins without knowing what was said, so they should be few."""
_SEARCHED = 1200
"""Frames before the latest place of a cut, 12 s, in which the quietest one is looked for."""
_SMOOTHED = 30
"""Frames, 0.3 s: the length of a pause between phrases; between words it is shorter."""
_NEARLY = 0.05
"""Levels that differ by less are equally quiet: 2 dB in the features' unit of 40 dB."""


def lanes(features: NDArray[np.float32], frames: int, most: int) -> list[tuple[int, int]]:
    """Cut a recording at its pauses, into lanes of whole windows of 30 s or a little less.

    Args:
        features: its log-mel spectrogram, (bands, `frames` or more), 100 frames a second.
        frames: its length.
        most: how many lanes there may be.

    Returns:
        First frame and end of each lane, in order; they join without a gap.
    """
    windows = max(_LEAST_WINDOWS, math.ceil(frames / FRAMES / most))
    if frames <= windows * FRAMES:
        return [(0, frames)]
    levels = _levels(features[:, :frames])
    while len(ends := _ends(levels, frames, windows * FRAMES)) > most:
        windows += 1
    return list(zip([0, *ends[:-1]], ends, strict=True))


def _ends(levels: NDArray[np.float32], frames: int, length: int) -> list[int]:
    ends, start = [], 0
    while frames - start > length:
        latest = start + length
        near = levels[latest - _SEARCHED : latest]
        quiet = np.flatnonzero(near <= near.min() + _NEARLY)
        start = latest - _SEARCHED + int(quiet[-1]) + 1
        ends.append(start)
    return [*ends, frames]


def _levels(features: NDArray[np.float32]) -> NDArray[np.float32]:
    """Give the mean level around each frame; before a cut it is that of the pause alone."""
    sums = np.cumsum(np.pad(features.mean(axis=0), (_SMOOTHED, 0), mode="edge"), dtype=np.float64)
    return ((sums[_SMOOTHED:] - sums[:-_SMOOTHED]) / _SMOOTHED).astype(np.float32)
