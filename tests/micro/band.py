"""A synthetic band: drums, bass and chords, another song for every seed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from tests.micro.instruments import SAMPLE_RATE, Timbre, Wave, hat, hertz, kick, note, snare

Choice = TypeVar("Choice")

_MAJOR = (0, 2, 4, 5, 7, 9, 11)
_MINOR = (0, 2, 3, 5, 7, 8, 10)
# One scale degree a bar, 0 is the tonic.
_PROGRESSIONS = (
    (0, 4, 5, 3), (5, 3, 0, 4), (0, 5, 3, 4), (0, 3, 4, 3), (0, 5, 1, 4), (0, 2, 3, 4),
    (3, 4, 0, 5), (0, 6, 5, 4),
)  # fmt: skip
# Sixteen steps a bar.
_KICKS = ("x.......x.......", "x.....x.x.......", "x...x...x...x...", "x..x..x...x.....")
_SNARES = ("....x.......x...", "....x.......x..x", "............x...", "....x..x.x..x...")
_HATS = ("x.x.x.x.x.x.x.x.", "xxxxxxxxxxxxxxxx", "x...x...x...x...", "..x...x...x...x.")
_BASS_LINES = ("x.......x.......", "x.x.x.x.x.x.x.x.", "x..x..x.x..x..x.", "x...x...x...x...")
_ARPEGGIOS = ("x.x.x.x.x.x.x.x.", "xxxxxxxxxxxxxxxx", "x..x..x.x..x..x.", "x...x.x.x...x.x.")


@dataclass(frozen=True)
class _Score:
    """What the players of one song agree on."""

    beat_seconds: float
    key: int
    """Pitch class of the tonic."""
    scale: tuple[int, ...]
    progression: tuple[int, ...]
    frames: int

    @property
    def step_seconds(self) -> float:
        return self.beat_seconds / 4

    def bars(self) -> int:
        return int(np.ceil(self.frames / SAMPLE_RATE / self.beat_seconds / 4))

    def chord(self, bar: int) -> tuple[int, int, int]:
        """Semitones of the bar's triad above the tonic."""
        degree = self.progression[bar % len(self.progression)]
        size = len(self.scale)
        tones = [
            self.scale[(degree + third) % size] + 12 * ((degree + third) // size)
            for third in (0, 2, 4)
        ]
        return tones[0], tones[1], tones[2]

    def hits(self, pattern: str) -> Iterator[tuple[int, int, float]]:
        """Bar, step and time in seconds of every `x` of a pattern, to the end of the song."""
        for bar in range(self.bars()):
            for step, mark in enumerate(pattern):
                if mark == "x":
                    yield bar, step, (bar * 16 + step) * self.step_seconds


def band(seed: int, seconds: float) -> dict[str, NDArray[np.float32]]:
    """Let the band play the song of a seed.

    Args:
        seed: chooses tempo, key, chords, patterns, timbres and levels.
        seconds: length of the song.

    Returns:
        `drums`, `bass` and `other`, each float32 of shape `(2, frames)` at 44 100 Hz. RMS levels
        lie between -23 and -16 dB of full scale; single peaks may pass 1.
    """
    rng = np.random.default_rng(seed)
    score = _Score(
        beat_seconds=60.0 / rng.uniform(84, 132),
        key=int(rng.integers(12)),
        scale=_MAJOR if rng.random() < 0.5 else _MINOR,
        progression=_pick(rng, _PROGRESSIONS),
        frames=round(seconds * SAMPLE_RATE),
    )
    return {
        "drums": _level(_drums(rng, score), rng.uniform(-20, -16)),
        "bass": _level(_bass(rng, score), rng.uniform(-20, -16)),
        "other": _level(_other(rng, score), rng.uniform(-23, -18)),
    }


def _pick(rng: np.random.Generator, choices: tuple[Choice, ...]) -> Choice:
    return choices[int(rng.integers(len(choices)))]


def _level(stem: NDArray[np.float32], decibels: float) -> NDArray[np.float32]:
    rms = float(np.sqrt(np.mean(stem.astype(np.float64) ** 2)))
    return np.asarray(stem * (10 ** (decibels / 20) / (rms + 1e-9)), np.float32)


def _add(stem: NDArray[np.float32], sound: Wave, time: float, gain: float, pan: float) -> None:
    """Mix a mono sound in at a time in seconds; `pan` is -1 (left) to 1, at constant power."""
    first = round(time * SAMPLE_RATE)
    kept = sound[: max(0, stem.shape[1] - first)]
    angle = (pan + 1) * np.pi / 4
    stem[0, first : first + kept.size] += np.float32(gain * np.cos(angle)) * kept
    stem[1, first : first + kept.size] += np.float32(gain * np.sin(angle)) * kept


def _drums(rng: np.random.Generator, score: _Score) -> NDArray[np.float32]:
    stem = np.zeros((2, score.frames), np.float32)
    kit = (
        (kick(rng), _pick(rng, _KICKS), rng.uniform(0.9, 1.2), 0.0),
        (snare(rng), _pick(rng, _SNARES), rng.uniform(0.7, 1.1), rng.uniform(-0.2, 0.2)),
        (hat(rng), _pick(rng, _HATS), rng.uniform(0.4, 1.0), rng.uniform(-0.5, 0.5)),
        (hat(rng, is_open=True), "..............x.", rng.uniform(0.0, 0.6), 0.3),
    )
    for sound, pattern, gain, pan in kit:
        for _, step, time in score.hits(pattern):
            accent = 1.0 if step % 4 == 0 else 0.8
            _add(stem, sound, time, gain * accent * rng.uniform(0.85, 1.0), pan)
    return stem


def _bass(rng: np.random.Generator, score: _Score) -> NDArray[np.float32]:
    stem = np.zeros((2, score.frames), np.float32)
    timbre = Timbre(
        slope=rng.uniform(1.0, 2.2),
        even=rng.uniform(0.0, 1.0),
        brightness=rng.uniform(0.1, 0.7),
        attack_seconds=rng.uniform(0.003, 0.015),
        decay_seconds=rng.uniform(0.3, 1.5),
        release_seconds=0.03,
    )
    pattern = _pick(rng, _BASS_LINES)
    steps = (pattern + "x").index("x", 1)
    frames = round(steps * score.step_seconds * rng.uniform(0.7, 0.98) * SAMPLE_RATE)
    for bar, step, time in score.hits(pattern):
        root, _, fifth = score.chord(bar)
        semitones = fifth if step >= 8 and rng.random() < 0.25 else root
        # The bass stays between E1 and E flat 3.
        pitch = 28 + (score.key + semitones - 4) % 12
        pitch += 12 if step and rng.random() < 0.15 else 0
        _add(stem, note(timbre, hertz(pitch), frames), time, 1.0, 0.0)
    return stem


def _other(rng: np.random.Generator, score: _Score) -> NDArray[np.float32]:
    stem = np.zeros((2, score.frames), np.float32)
    players = _pick(rng, ((_pad,), (_pluck,), (_pad, _pluck)))
    for player in players:
        player(rng, score, stem)
    return stem


def _voicing(score: _Score, bar: int, lowest: int) -> list[int]:
    """Pitches of the bar's chord in close position, within the octave above `lowest`."""
    return sorted(lowest + (score.key + tone - lowest) % 12 for tone in score.chord(bar))


def _pad(rng: np.random.Generator, score: _Score, stem: NDArray[np.float32]) -> None:
    timbre = Timbre(
        slope=rng.uniform(0.9, 2.0),
        even=rng.uniform(0.2, 1.0),
        brightness=rng.uniform(0.0, 0.5),
        attack_seconds=rng.uniform(0.02, 0.3),
        decay_seconds=rng.uniform(2.0, 20.0),
        release_seconds=rng.uniform(0.05, 0.3),
    )
    lowest = int(rng.integers(52, 64))
    detune, width = rng.uniform(0.02, 0.12), rng.uniform(0.4, 1.0)
    frames = round(16 * score.step_seconds * SAMPLE_RATE)
    for bar in range(score.bars()):
        for pitch in _voicing(score, bar, lowest):
            for side in (-1, 1):
                sound = note(timbre, hertz(pitch + side * detune), frames, rng.random())
                _add(stem, sound, bar * 16 * score.step_seconds, 0.4, side * width)


def _pluck(rng: np.random.Generator, score: _Score, stem: NDArray[np.float32]) -> None:
    timbre = Timbre(
        slope=rng.uniform(0.8, 1.8),
        even=rng.uniform(0.3, 1.0),
        brightness=rng.uniform(0.4, 1.0),
        attack_seconds=0.003,
        decay_seconds=rng.uniform(0.12, 0.4),
        release_seconds=0.05,
    )
    lowest, width = int(rng.integers(60, 72)), rng.uniform(0.2, 0.9)
    pattern = _pick(rng, _ARPEGGIOS)
    frames = round(rng.uniform(0.3, 0.7) * SAMPLE_RATE)
    for count, (bar, _, time) in enumerate(score.hits(pattern)):
        tones = _voicing(score, bar, lowest)
        pitch = (*tones, tones[0] + 12)[count % 4]
        sound = note(timbre, hertz(pitch), frames)
        _add(stem, sound, time, rng.uniform(0.7, 1.0), width * (-1) ** count)
