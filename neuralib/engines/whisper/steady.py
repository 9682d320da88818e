"""Telling sound that nobody speaks in: noise, hum and clicks, for which Whisper makes up words."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_RATE = 16_000
_WINDOW, _HOP = 400, 320
"""25 ms every 20 ms."""
_BANDS_HZ = (100, 300, 600, 1000, 1600, 2500, 4000, 5500, 8000)
_RISE_DB, _RISE_FRAMES = 8.0, 5
"""A syllable: a band is that much louder than in its quietest tenth, for 100 ms without a break.
White, pink and brown noise and hum reach 60 ms at most, a click 40 ms; a sentence in noise 5 dB
louder than itself reaches 120 ms (`tests/engines/test_whisper_steady.py`)."""
_RANGE_DB = 60.0
"""What is further below the loudest frame counts as silence."""
_PIECE_SECONDS, _LEAST_SECONDS = 60.0, 0.5


def is_steady(samples: NDArray[np.float32]) -> bool:
    """Tell whether mono audio at 16 kHz has nothing in it that rises for as long as a syllable.

    The first minute with a voice or an instrument ends the search, so that it costs next to
    nothing. Audio below half a second is too short to say.
    """
    seconds = samples.size / _RATE
    if seconds < _LEAST_SECONDS:
        return False
    pieces = np.array_split(samples, int(seconds // _PIECE_SECONDS) + 1)
    return all(_longest_rise(piece) < _RISE_FRAMES for piece in pieces)


def _longest_rise(piece: NDArray[np.float32]) -> int:
    """Count the frames of the longest rise in any band."""
    levels = _levels_db(piece)
    levels = np.maximum(levels, levels.max() - _RANGE_DB)
    risen = levels > np.percentile(levels, 10, axis=1, keepdims=True) + _RISE_DB
    # A frame on each side, so that every rise has a beginning and an end.
    changes = np.flatnonzero(np.diff(np.pad(risen, ((0, 0), (1, 1))).ravel().astype(np.int8)))
    return int((changes[1::2] - changes[::2]).max(initial=0))


def _levels_db(piece: NDArray[np.float32]) -> NDArray[np.float64]:
    """Measure the energy of each band, shape (bands, frames)."""
    frames = np.lib.stride_tricks.sliding_window_view(piece, _WINDOW)[::_HOP]
    power = np.abs(np.fft.rfft(frames * np.hanning(_WINDOW).astype(np.float32))) ** 2
    edges = [edge * _WINDOW // _RATE for edge in _BANDS_HZ]
    bands = np.add.reduceat(power[:, : edges[-1]], edges[:-1], axis=1)
    return np.asarray(10 * np.log10(bands.T + 1e-12))
