"""Music of a kind: plucked notes, several at a time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile

RATE = 44_100
NOTE_SECONDS = 1.5
STEP_SECONDS = 0.25


def write_plucked(path: Path, seconds: float) -> Path:
    """Write a stereo recording in 16 bits: two new notes every quarter of a second."""
    random = np.random.default_rng(0)
    time_s = np.arange(round(NOTE_SECONDS * RATE)) / RATE
    step = round(STEP_SECONDS * RATE)
    rest = np.zeros(time_s.size)
    with soundfile.SoundFile(path, "w", RATE, 2, "PCM_16") as file:
        for _ in range(round(seconds / STEP_SECONDS)):
            for key in random.choice(36, 2, replace=False):
                hertz = 110 * 2 ** (key / 12)
                wave = sum(np.sin(2 * np.pi * hertz * n * time_s) / n for n in range(1, 6))
                rest += 0.05 * wave * np.exp(-3 * time_s)
            noise = random.normal(0, 0.001, step)
            file.write(np.stack([rest[:step] + noise, rest[:step] + noise], axis=1))
            rest = np.concatenate([rest[step:], np.zeros(step)])
    return path
