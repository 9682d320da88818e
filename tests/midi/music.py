"""Short pieces of which every note is known."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Score = tuple[tuple[float, float, int], ...]
"""Start and end in seconds, and pitch."""

CHORDS: Score = tuple(
    (0.2 + 1.1 * bar, 1.1 + 1.1 * bar, pitch)
    for bar, chord in enumerate([(48, 64, 67), (53, 57, 72), (43, 59, 62, 74), (48, 60, 64)])
    for pitch in chord
)
MELODY: Score = ((0.1, 0.9, 67), (0.95, 1.6, 71), (1.65, 2.1, 69), (2.2, 3.6, 74), (3.7, 4.6, 62))


def play(
    score: Score, rate: int, *, vibrato_semitones: float = 0.0, decay_seconds: float = 1.5
) -> NDArray[np.float32]:
    """Play a score with a few overtones: (frames,), followed by half a second of silence."""
    sound = np.zeros(round((max(end for _, end, _ in score) + 0.5) * rate))
    for start, end, pitch in score:
        time = np.arange(round((end - start) * rate)) / rate
        bend = vibrato_semitones * np.sin(2 * np.pi * 5.5 * time)
        phase = 2 * np.pi * np.cumsum(440.0 * 2.0 ** ((pitch + bend - 69) / 12)) / rate
        tone = sum(np.sin(harmonic * phase) / harmonic**1.5 for harmonic in range(1, 7))
        envelope = np.exp(-time / decay_seconds) * np.minimum(time / 0.005, 1.0)
        envelope *= np.minimum((end - start - time) / 0.02, 1.0)
        at = round(start * rate)
        sound[at : at + len(time)] += 0.15 * envelope * tone
    return sound.astype(np.float32)
