"""A song to measure with: drums, a bass, and a voice of a kind that says nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from neuralib.audio.decode import decode, probe

RATE = 44_100
_BEAT_SECONDS = 0.5


def write_song(path: Path, seconds: float) -> Path:
    """Write stereo WAV of 16 bits, the same on every machine."""
    beat = np.arange(round(_BEAT_SECONDS * RATE)) / RATE
    random = np.random.default_rng(0)
    with soundfile.SoundFile(path, "w", RATE, 2, "PCM_16") as file:
        for _ in range(max(1, round(seconds / _BEAT_SECONDS))):
            drum = 0.3 * random.standard_normal(beat.size) * np.exp(-40 * beat)
            bass = 0.2 * _tone(int(random.integers(28, 40)), beat, 4) * np.exp(-3 * beat)
            # Syllables: louder and softer five times a second, as Whisper expects of speech.
            voice = (
                0.1 * _tone(int(random.integers(52, 64)), beat, 20) * np.sin(5 * np.pi * beat) ** 2
            )
            file.write(np.stack([drum + bass + voice, 0.8 * drum + bass + voice], axis=1))
    return path


def cut_song(recording: Path, path: Path, seconds: float) -> Path:
    """Write the beginning of a recording as WAV of 16 bits.

    Raises:
        InputError: where it is no audio.
    """
    info = probe(recording)
    left = round(seconds * info.sample_rate)
    with soundfile.SoundFile(
        path, "w", info.sample_rate, info.channels, "PCM_16", None, "WAV"
    ) as file:
        for block in decode(recording):
            file.write(block[:, :left].T)
            left -= block.shape[1]
            if left <= 0:
                break
    return path


def _tone(key: int, time_s: NDArray[np.float64], partials: int) -> NDArray[np.float64]:
    hertz = 440 * 2 ** ((key - 69) / 12)
    parts = [np.sin(2 * np.pi * hertz * n * time_s) / n for n in range(1, partials + 1)]
    return np.asarray(np.sum(parts, axis=0), dtype=np.float64)
