"""The instruments of the synthetic band: oscillator notes and drum hits.

A pitched instrument is a `Timbre`, read from two wavetables: a bright one at the onset fades into
a dark one, as a plucked string or an opening filter does. A drum is a short array made once a song.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SAMPLE_RATE = 44100
"""Hz, of everything in this module."""

_TABLE = 4096
_HIGHEST_HZ = 9000.0

Wave = NDArray[np.float32]


@dataclass(frozen=True)
class Timbre:
    """How a pitched instrument sounds."""

    slope: float
    """Harmonic `h` has the amplitude `h ** -slope`; 1 is a sawtooth."""
    even: float
    """Amplitude of the even harmonics, 0 (hollow, as a square wave) to 1."""
    brightness: float
    """How much of the bright onset is heard, 0 to 1."""
    attack_seconds: float
    """Time from silence to full level."""
    decay_seconds: float
    """Time constant of the exponential decay; infinite for an organ."""
    release_seconds: float
    """Time from full level to silence at the end of the note."""


def hertz(pitch: float) -> float:
    """Frequency of a MIDI pitch, equal temperament, A4 = 69 = 440 Hz."""
    return float(440.0 * 2.0 ** ((pitch - 69.0) / 12.0))


def _wavetable(slope: float, even: float, harmonics: int) -> Wave:
    numbers = np.arange(1, harmonics + 1)
    amplitudes = numbers**-slope * np.where(numbers % 2, 1.0, even)
    spectrum = np.zeros(_TABLE // 2 + 1, complex)
    spectrum[1 : harmonics + 1] = -0.5j * _TABLE * amplitudes / np.sqrt(np.sum(amplitudes**2))
    cycle = np.fft.irfft(spectrum)
    return np.asarray(np.append(cycle, cycle[0]), np.float32)


def _envelope(timbre: Timbre, frames: int) -> Wave:
    seconds = np.arange(frames) / SAMPLE_RATE
    left = frames / SAMPLE_RATE - seconds
    rise = np.minimum(1.0, seconds / timbre.attack_seconds)
    fall = np.minimum(1.0, left / timbre.release_seconds)
    return np.asarray(rise * fall * np.exp(-seconds / timbre.decay_seconds), np.float32)


def note(timbre: Timbre, frequency: float, frames: int, phase: float = 0.0) -> Wave:
    """Play one note.

    Args:
        timbre: how it sounds.
        frequency: in Hz.
        frames: length, release included.
        phase: where in the cycle it begins, 0 to 1.

    Returns:
        float32, shape `(frames,)`, amplitude about 1.
    """
    position = ((phase + frequency / SAMPLE_RATE * np.arange(frames)) % 1.0) * _TABLE
    index = position.astype(np.int64)
    part = (position - index).astype(np.float32)
    full = max(1, min(40, int(_HIGHEST_HZ / frequency)))

    def read(table: Wave) -> Wave:
        return table[index] + part * (table[index + 1] - table[index])

    dark = read(_wavetable(timbre.slope + 1.0, timbre.even, max(1, full // 3)))
    bright = read(_wavetable(timbre.slope, timbre.even, full))
    fade = timbre.brightness * np.exp(-np.arange(frames) / (0.15 * SAMPLE_RATE))
    tone = dark + fade.astype(np.float32) * (bright - dark)
    return np.asarray(_envelope(timbre, frames) * tone, np.float32)


def _noise(rng: np.random.Generator, frames: int, low_hz: float, high_hz: float) -> Wave:
    """White noise between two frequencies, with slopes of a quarter octave, RMS 1."""
    octaves = np.log2(np.maximum(np.fft.rfftfreq(frames, 1 / SAMPLE_RATE), 1.0))
    inside = np.minimum(octaves - np.log2(low_hz), np.log2(high_hz) - octaves)
    gains = np.clip(1.0 + 4.0 * inside, 0.0, 1.0)
    band = np.fft.irfft(np.fft.rfft(rng.standard_normal(frames)) * gains, frames)
    return np.asarray(band / (np.sqrt(np.mean(band**2)) + 1e-9), np.float32)


def _decay(frames: int, seconds: float) -> Wave:
    """An exponential decay with a time constant, over the last 5 ms led to silence."""
    end = np.minimum(1.0, np.arange(frames)[::-1] / (0.005 * SAMPLE_RATE))
    return np.asarray(end * np.exp(-np.arange(frames) / (seconds * SAMPLE_RATE)), np.float32)


def kick(rng: np.random.Generator) -> Wave:
    """Make a bass drum: a sine falling from its click to its body, shape `(frames,)`."""
    frames = int(rng.uniform(0.25, 0.4) * SAMPLE_RATE)
    seconds = np.arange(frames) / SAMPLE_RATE
    body, top = rng.uniform(42, 58), rng.uniform(120, 320)
    drop = rng.uniform(0.02, 0.045)
    phase = 2 * np.pi * (body * seconds + top * drop * (1 - np.exp(-seconds / drop)))
    thump = np.sin(phase) * _decay(frames, rng.uniform(0.08, 0.14))
    click = _noise(rng, frames, 1500, 7000) * _decay(frames, 0.004)
    return np.asarray(thump + rng.uniform(0.05, 0.2) * click, np.float32)


def snare(rng: np.random.Generator) -> Wave:
    """Make a snare drum: a short tone under bright noise, shape `(frames,)`."""
    frames = int(rng.uniform(0.18, 0.3) * SAMPLE_RATE)
    seconds = np.arange(frames) / SAMPLE_RATE
    tone = np.sin(2 * np.pi * rng.uniform(165, 230) * seconds) * _decay(frames, 0.05)
    rattle = _noise(rng, frames, rng.uniform(900, 1800), rng.uniform(8000, 14000))
    rattle = rattle * _decay(frames, rng.uniform(0.05, 0.1))
    return np.asarray(0.6 * tone + rng.uniform(0.3, 0.5) * rattle, np.float32)


def hat(rng: np.random.Generator, *, is_open: bool = False) -> Wave:
    """Make a hi-hat: a burst of high noise, closed or open, shape `(frames,)`."""
    length = rng.uniform(0.12, 0.2) if is_open else rng.uniform(0.02, 0.045)
    frames = int(3.0 * length * SAMPLE_RATE)
    burst = _noise(rng, frames, rng.uniform(5500, 8000), rng.uniform(13000, 17000))
    return np.asarray(0.3 * burst * _decay(frames, length), np.float32)
