"""A recording that Whisper takes for speech: noise with syllables, and pauses between phrases."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile

RATE = 16_000
WINDOW_SECONDS = 30
PAUSE_SECONDS = 0.5
_SYLLABLES_A_SECOND = 2.5


def write_recording(path: Path, minutes: float) -> None:
    """Write noise that rises and falls like syllables, with a pause before every half minute."""
    random = np.random.default_rng(0)
    with soundfile.SoundFile(path, "w", RATE, 1, "PCM_16") as file:
        for _ in range(round(minutes * 60 / WINDOW_SECONDS)):
            time_s = np.arange(WINDOW_SECONDS * RATE) / RATE
            loudness = 0.1 * (1 + np.sin(2 * np.pi * _SYLLABLES_A_SECOND * time_s))
            loudness[-round(PAUSE_SECONDS * RATE) :] = 0.0
            file.write(loudness * random.standard_normal(time_s.size) * 0.5)
