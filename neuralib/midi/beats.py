"""Where the beats of a song are."""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from neuralib.errors import EngineMissing
from neuralib.midi.activations import Activations, Matrix
from neuralib.midi.tempo import Tempo
from neuralib.midi.times import SAMPLE_RATE, Clock, clock_of, frames_about, seconds_of
from neuralib.tasks import NotesClock

_LOG = logging.getLogger(__name__)

_FRAMES_A_SECOND = frames_about(3600 * SAMPLE_RATE) / 3600
_CHUNK_FRAMES = 8192
_RELATED = np.array([1 / 2, 2 / 3, 3 / 4, 1, 4 / 3, 3 / 2, 2])
_USUAL_BPM = 120.0  # as in librosa's own guess
_FEWEST_BEATS = 4
_GUESS_FRAMES = round(120 * _FRAMES_A_SECOND)
_UNTOLD_BPM = 120.0
"""What sequencers take where a file says nothing."""
_USUAL_STRAY = 0.05
_STEADY = 0.1
"""Mean distance of the beats from a steady tempo, in beats, beyond which a song has none."""


def check_beat_tracker() -> None:
    """Make sure that beats can be found here, without loading what finds them.

    Raises:
        EngineMissing: where librosa is not installed.
    """
    if find_spec("librosa") is None:
        raise EngineMissing(
            "librosa is not installed, which finds the tempo; run `pip install 'neuralib[tempo]'`, "
            "or give the tempo in beats a minute"
        )


def find_tempo(activations: Activations, clock: NotesClock = "auto") -> Tempo:
    """Find the steady tempo of a song, and where its beats are.

    librosa's dynamic programming (Ellis, "Beat tracking by dynamic programming", 2007) follows the
    beats in how much starts at each frame; a line through them, by least squares, gives a tempo
    that holds to the end of the song. Where there are no beats the tempo is 120, and the log
    warns; it warns also where they are not steady. The first beat is on the clock of the notes.

    Raises:
        EngineMissing: where librosa is not installed.
    """
    check_beat_tracker()
    strength = _strength(activations.onsets)
    lines = _lines(strength, clock_of(clock, len(activations.onsets))) if strength.any() else []
    if not lines:
        _LOG.warning(
            "no beat was found; the tempo is written as %g",
            _UNTOLD_BPM,
            extra={"action": "tempo.none"},
        )
        return Tempo.of(_UNTOLD_BPM)
    best = max(lines, key=_Line.merit)
    if best.stray > _STEADY:
        _LOG.warning(
            "the beat is not steady: it strays from %.1f beats a minute by %.0f ms on average",
            *(best.bpm, best.stray * 60_000 / best.bpm),
            extra={"action": "tempo.unsteady"},
        )
    return Tempo.of(best.bpm, best.first)


@dataclass(frozen=True)
class _Line:
    """A steady beat, laid through beats that were found."""

    bpm: float
    first: float
    """Seconds of the first beat."""
    stray: float
    """Mean distance of the beats from the line, as a part of their own distance."""
    strength: float
    """Mean of what starts at the beats."""

    def merit(self) -> float:
        """Weigh how much starts at the beats, how steady and how usual they are."""
        usual = np.exp(-0.5 * np.log2(self.bpm / _USUAL_BPM) ** 2)
        return float(self.strength * usual / (1 + self.stray / _USUAL_STRAY))


def _strength(onsets: Matrix) -> NDArray[np.float32]:
    """Add up the onsets of each frame, so many frames at a time as memory is no matter for."""
    strength = np.zeros(len(onsets), np.float32)
    for start in range(0, len(onsets), _CHUNK_FRAMES):
        chunk = slice(start, start + _CHUNK_FRAMES)
        strength[chunk] = onsets[chunk].sum(axis=1)
    return strength


def _lines(strength: NDArray[np.float32], clock: Clock) -> list[_Line]:
    """Follow the beats at the tempo that librosa guesses, and at those that it may mean.

    Its guess is often that of half or of three quarters of a beat.
    """
    import librosa

    rate = _FRAMES_A_SECOND
    guess = librosa.feature.tempo(onset_envelope=_loudest(strength), sr=rate, hop_length=1)[0]
    lines = []
    for bpm in guess * _RELATED:
        _, found = librosa.beat.beat_track(
            onset_envelope=strength, bpm=bpm, sr=rate, hop_length=1, trim=True
        )
        frames = np.asarray(found, np.int64)
        if len(frames) >= _FEWEST_BEATS:
            lines.append(_line(strength, frames, clock))
    return lines


def _loudest(strength: NDArray[np.float32]) -> NDArray[np.float32]:
    """Take the minutes in which the most starts: the guess keeps hundreds of numbers a frame."""
    starts = range(0, max(len(strength) - _GUESS_FRAMES, 0) + 1, _GUESS_FRAMES)
    pieces = (strength[start : start + _GUESS_FRAMES] for start in starts)
    return max(pieces, key=lambda piece: float(piece.sum()))


def _line(strength: NDArray[np.float32], frames: NDArray[np.int64], clock: Clock) -> _Line:
    """Lay a line through beats, some of which may be missing, and a few be wrong."""
    beats = seconds_of(frames, clock)
    usual = float(np.median(np.diff(beats)))
    steps = [max(round((later - earlier) / usual), 1) for earlier, later in pairwise(beats)]
    numbers = np.concatenate([[0], np.cumsum(steps)])
    good = np.ones(len(beats), bool)
    for _ in range(3):
        period, first = np.polyfit(numbers[good], beats[good], 1)
        off = np.abs(first + period * numbers - beats)
        good = off <= 3 * np.median(off) + 1e-3
    level = float(strength[frames].mean())
    # The tracker needs some beats to start with; the song starts at the first that sounds.
    sounds = seconds_of(np.flatnonzero(strength > level / 2)[:1], clock)[0]
    first -= max(math.floor((first - sounds) / period + 0.25), 0) * period
    return _Line(60 / float(period), max(float(first), 0.0), float(off.mean() / period), level)
