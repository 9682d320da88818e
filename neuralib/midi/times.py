"""The clock of the pitch model's frames."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SAMPLE_RATE = 22_050
HOP = 256
"""Samples from one frame to the next."""
WINDOW_SAMPLES = 2 * SAMPLE_RATE - HOP
"""The model looks at this much audio at a time..."""
WINDOW_FRAMES = 172
"""...and says this many frames about it."""

TRIM_FRAMES = 15
"""Neighbouring windows share twice as many frames, of which each gives up half."""
_KEPT_FRAMES = WINDOW_FRAMES - 2 * TRIM_FRAMES
STRIDE_SAMPLES = WINDOW_SAMPLES - 2 * TRIM_FRAMES * HOP
"""Samples from one window to the next; the frames kept of a window describe so many."""


def seconds_of(frames: NDArray[np.int64]) -> NDArray[np.float64]:
    """Turn frame numbers into seconds of audio.

    t(n) = (36 164 ⌊n / 142⌋ + 256 (n mod 142)) / 22 050: each window keeps 142 frames, and starts
    36 164 samples after the one before it. That is 188 samples less than 142 hops, so a clock
    that only counts hops is 24 s late after an hour. basic-pitch 0.4 `model_frames_to_time`
    corrects that every 172 frames, and is up to 9 ms late in between.
    """
    windows, rest = np.divmod(frames, _KEPT_FRAMES)
    seconds: NDArray[np.float64] = (windows * STRIDE_SAMPLES + rest * HOP) / SAMPLE_RATE
    return seconds


def frames_about(samples: int) -> int:
    """Count the frames that start within so much audio.

    basic-pitch 0.4 takes 86 a second, so that of an hour it leaves out the last 24 s.
    """
    windows, rest = divmod(samples, STRIDE_SAMPLES)
    return windows * _KEPT_FRAMES + min(-(-rest // HOP), _KEPT_FRAMES)


def frames_in(milliseconds: float) -> int:
    """Count the frames that fit a duration, rounded to the nearest (half to even)."""
    return int(np.round(milliseconds / 1000 * (SAMPLE_RATE / HOP)))
