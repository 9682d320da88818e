"""How a note's pitch moves, and whose movement MIDI can hold."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from itertools import zip_longest
from operator import attrgetter

import numpy as np

from neuralib.midi.activations import BINS_PER_KEY, TUNED_BIN, Matrix
from neuralib.midi.notes import Note

BENDS_A_SEMITONE = BINS_PER_KEY
"""What a note's bends count."""

_REACH = 25
_DEVIATION = 5.0
# A bell over the contour bins around the note (standard deviation 5/3 of a semitone), so that a
# louder neighbour note is not taken for a bend.
_BELL = np.exp(-(np.arange(-_REACH, _REACH + 1.0) ** 2) / (2 * _DEVIATION**2))
_CHUNK_FRAMES = 8192


def estimate_bends(contours: Matrix, start: int, end: int, key: int) -> tuple[int, ...]:
    """Follow the pitch of a note.

    Like basic-pitch 0.4 `get_pitch_bends`, but counted from the bin in which a tone of the key's
    exact pitch appears. basic-pitch counts from the bin below, so that its tuned notes are bent
    up by 33 cents (by 1365, on the wheel).

    Args:
        contours: (frames, 264).
        start: first frame.
        end: one past the last frame.
        key: piano key, 0 to 87.

    Returns:
        For each frame the distance of the largest weighted energy from the key, in thirds of a
        semitone, -26 to 24.
    """
    lowest = BINS_PER_KEY * key
    low, high = max(lowest - _REACH, 0), min(lowest + _REACH + 1, contours.shape[1])
    bell = _BELL[low - lowest + _REACH : high - lowest + _REACH]
    bends: list[int] = []
    for at in range(start, end, _CHUNK_FRAMES):
        energy = contours[at : min(at + _CHUNK_FRAMES, end), low:high] * bell
        bends += (energy.argmax(axis=1) + (low - lowest - TUNED_BIN)).tolist()
    return tuple(bends)


def drop_overlapping_bends(notes: Iterable[Note]) -> list[Note]:
    """Leave bends only to notes that sound alone, for a bend moves a whole MIDI channel.

    Returns:
        The notes, sorted.
    """
    ordered = sorted(notes, key=attrgetter("place"))
    kept = []
    reached = -np.inf
    for note, following in zip_longest(ordered, ordered[1:]):
        alone = note.start >= reached and (following is None or following.start >= note.end)
        kept.append(note if alone else replace(note, bends=None))
        reached = max(reached, note.end)
    return kept
