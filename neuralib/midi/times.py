"""The clock of the pitch model's frames."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from neuralib.tasks import NotesClock

Clock = Literal["basic-pitch", "input"]

SAMPLE_RATE = 22_050
HOP = 256
"""Samples from one frame to the next."""
WINDOW_SAMPLES = 2 * SAMPLE_RATE - HOP
"""The model looks at this much audio at a time..."""
WINDOW_FRAMES = 172
"""...and says this many frames about it."""

TRIM_FRAMES = 15
"""Neighbouring windows share twice as many frames, of which each gives up half."""
KEPT_FRAMES = WINDOW_FRAMES - 2 * TRIM_FRAMES
STRIDE_SAMPLES = WINDOW_SAMPLES - 2 * TRIM_FRAMES * HOP
"""Samples from one window to the next."""

# 172 frames of 256 samples are longer than the 43 844 samples that they describe, so each window
# of frames runs ahead of the audio by the difference; the last term is Basic Pitch's own
# correction, found by ear and eye rather than derived.
_WINDOW_LEAD_SECONDS = HOP / SAMPLE_RATE * (WINDOW_FRAMES - WINDOW_SAMPLES / HOP) + 0.0018


_SONG_SECONDS = 600
"""So long a recording may be compared with basic-pitch's notes; by then its clock has drifted by
less than 0.5 ms."""


def clock_of(clock: NotesClock, frames: int) -> Clock:
    """Choose the clock of a recording of so many frames: `auto` is the input's for long ones."""
    if clock != "auto":
        return clock
    return "basic-pitch" if frames <= frames_about(_SONG_SECONDS * SAMPLE_RATE) else "input"


def seconds_of(frames: NDArray[np.int64], clock: Clock = "basic-pitch") -> NDArray[np.float64]:
    """Turn frame numbers into seconds of audio.

    `input`: t(n) = (36 164 ⌊n / 142⌋ + 256 (n mod 142)) / 22 050, for each window keeps 142 frames,
    and starts 36 164 samples after the one before it.

    `basic-pitch`: t(n) = 256 n / 22 050 - lead · ⌊n / 172⌋, with lead = 10.3 ms, as
    `model_frames_to_time` of basic-pitch 0.4 does. Since windows keep 142 frames of the 172 it is
    from 8 ms early to 10 ms late, and 2 ms more with each hour.
    """
    if clock == "input":
        windows, rest = np.divmod(frames, KEPT_FRAMES)
        seconds: NDArray[np.float64] = (windows * STRIDE_SAMPLES + rest * HOP) / SAMPLE_RATE
        return seconds
    return frames * HOP / SAMPLE_RATE - _WINDOW_LEAD_SECONDS * np.floor(frames / WINDOW_FRAMES)


def frames_about(samples: int) -> int:
    """Count the frames that start within so much audio."""
    windows, rest = divmod(samples, STRIDE_SAMPLES)
    return windows * KEPT_FRAMES + min(-(-rest // HOP), KEPT_FRAMES)


def reference_frames(samples: int) -> int:
    """Count the frames that basic-pitch 0.4 takes of so much audio: 86 a second.

    That leaves out what the model says of the last 0.7 % of the audio, 24 s of an hour.
    """
    return samples * (SAMPLE_RATE // HOP) // SAMPLE_RATE


def frames_in(milliseconds: float) -> int:
    """Count the frames that fit a duration, rounded to the nearest (half to even)."""
    return round(milliseconds / 1000 * (SAMPLE_RATE / HOP))
