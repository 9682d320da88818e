"""How a note's pitch moves, and whose movement MIDI can hold."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import chain, zip_longest
from operator import attrgetter

import numpy as np

from neuralib.midi.activations import BINS_PER_KEY, TUNED_BIN, Frames, Matrix
from neuralib.midi.notes import Note
from neuralib.midi.pieces import in_pieces

BENDS_A_SEMITONE = BINS_PER_KEY
"""What a note's bends count."""

_REACH = 25
_DEVIATION = 5.0
# A bell over the contour bins around the note (standard deviation 5/3 of a semitone), so that a
# louder neighbour note is not taken for a bend.
_BELL = np.exp(-(np.arange(-_REACH, _REACH + 1.0) ** 2) / (2 * _DEVIATION**2))
_CHUNK_FRAMES = 4096


def estimate_bends(
    contours: Matrix, starts: Frames, ends: Frames, keys: Frames
) -> Iterator[tuple[int, ...]]:
    """Follow the pitch of each note.

    Like basic-pitch 0.4 `get_pitch_bends`, but counted from the bin in which a tone of the key's
    exact pitch appears. basic-pitch counts from the bin below, so that its tuned notes are bent
    up by 33 cents (by 1365, on the wheel).

    Args:
        contours: (frames, 264).
        starts: first frame of each note, (notes), none smaller than the one before.
        ends: one past its last frame, (notes).
        keys: its piano key, 0 to 87, (notes).

    Yields:
        For each frame of a note the distance of the largest weighted energy from its key, in
        thirds of a semitone, -26 to 24.
    """

    def bends_from(first_frame: int, stop: int) -> list[tuple[int, ...]]:
        these = slice(*np.searchsorted(starts, (first_frame, stop)))
        return _bends(contours, starts[these], ends[these] - starts[these], keys[these])

    return chain.from_iterable(in_pieces(bends_from, len(contours)))


def _bends(
    contours: Matrix, starts: Frames, lengths: Frames, keys: Frames
) -> list[tuple[int, ...]]:
    """Do the frames of a key together, wherever they are."""
    last = np.cumsum(lengths)
    total = int(last[-1]) if len(last) else 0
    frames = np.repeat(starts - (last - lengths), lengths) + np.arange(total)
    key_of = np.repeat(keys, lengths)
    by_key = np.argsort(key_of, kind="stable")
    bends = np.empty(total, np.int64)
    for group in np.split(by_key, np.flatnonzero(np.diff(key_of[by_key])) + 1):
        for at in range(0, len(group), _CHUNK_FRAMES):
            part = group[at : at + _CHUNK_FRAMES]
            bends[part] = _bends_of(contours, frames[part], int(key_of[part[0]]))
    flat = bends.tolist()
    return [
        tuple(flat[end - length : end])
        for end, length in zip(last.tolist(), lengths.tolist(), strict=True)
    ]


def _bends_of(contours: Matrix, frames: Frames, key: int) -> Frames:
    lowest = BINS_PER_KEY * key
    low, high = max(lowest - _REACH, 0), min(lowest + _REACH + 1, contours.shape[1])
    bell = _BELL[low - lowest + _REACH : high - lowest + _REACH]
    loudest: Frames = (contours[frames, low:high] * bell).argmax(axis=1)
    return loudest + (low - lowest - TUNED_BIN)


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
