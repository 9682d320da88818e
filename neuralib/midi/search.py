"""How far notes reach, in time that grows linearly with the song."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from neuralib.midi.activations import Matrix
from neuralib.midi.pieces import in_pieces, places_of

_Left: TypeAlias = tuple[Matrix, NDArray[np.int32], NDArray[np.int8]]
"""Energies, frames and columns."""

TOLERANCE = 11
"""A note ends where its activation stays below the threshold for so many frames."""

_GAP = bytes(TOLERANCE)
_SILENT, _SOUNDING, _SPENT = 0, 1, 2
_CHUNK_FRAMES = 1024
_CHUNK_SEEDS = 65_536


class Span(NamedTuple):
    """Where a note is in the activations."""

    start: int
    """First frame."""
    end: int
    """One past the last frame."""
    column: int
    """Key, counted from the first column that was searched."""


class NoteSearch:
    """Finds notes, each of which takes the energy that it is made of away from later ones.

    The search sees only whether a frame reaches the threshold, so a key is a row of bytes, in
    which the end of a note is the next run of eleven zeros: compiled code finds it, and each
    frame is looked at a bounded number of times.
    """

    def __init__(self, notes: Matrix, threshold: float, minimum_frames: int) -> None:
        """Prepare the search.

        Args:
            notes: (frames, keys), 0 to 1; stays as it is.
            threshold: least activation at which a note goes on.
            minimum_frames: a note is longer than this.
        """
        self._notes = notes
        self._minimum = minimum_frames
        self._frames, keys = notes.shape
        self._last = self._frames - 1
        # At a threshold of 0 energy that was taken away is still not below it.
        self._spent = bytes([_SPENT if threshold <= 0.0 else _SILENT])
        self._bytes = bytearray(notes.size)
        self._rows = range(0, notes.size, max(self._frames, 1))
        self._cells = np.frombuffer(self._bytes, np.uint8).reshape(keys, self._frames)
        # The least and the largest float32 that are on their side of the threshold: comparing
        # with them is as exact as comparing in float64.
        nearest = np.float32(threshold)
        self._least = _next(nearest, np.inf) if float(nearest) < threshold else nearest
        self._most = _next(nearest, -np.inf) if float(nearest) > threshold else nearest
        in_pieces(self._sound, self._frames)

    def from_onsets(self, onsets: Iterable[tuple[int, int]]) -> Iterator[Span]:
        """Yield the notes that start at (frame, column) pairs, to be given latest first."""
        for start, column in onsets:
            if start >= self._last:
                continue
            end, _ = self._forward(column, start + 1)
            if end - start > self._minimum:
                self._take(column, start, end)
                yield Span(start, end, column)

    def from_energy(self) -> Iterator[Span]:
        """Yield the notes around the strongest activations that are left, strongest first.

        This is basic-pitch's "melodia trick". Among equals, the earliest and then the lowest
        goes first.
        """
        for middle, column in self._seeds():
            here = self._rows[column] + middle
            if self._bytes[here] != _SOUNDING:
                continue
            self._bytes[here : here + 1] = self._spent
            end, seen = self._forward(column, middle + 1)
            start, first_seen = self._backward(column, middle)
            self._take(column, middle + 1, seen)
            self._take(column, first_seen, middle)
            if end - 1 - start > self._minimum:  # the last frame is left out, as in basic-pitch
                yield Span(start, end - 1, column)

    def _sound(self, start: int, stop: int) -> None:
        """Mark what reaches the threshold."""
        for at in range(start, stop, _CHUNK_FRAMES):
            chunk = slice(at, min(at + _CHUNK_FRAMES, stop))
            self._cells[:, chunk] = (self._notes[chunk] >= self._least).T

    def _take(self, column: int, start: int, end: int) -> None:
        """Take frames away from a key and from its neighbours."""
        spent = self._spent * (end - start)
        for row in self._rows[max(column - 1, 0) : column + 2]:
            self._bytes[row + start : row + end] = spent

    def _forward(self, column: int, start: int) -> tuple[int, int]:
        """Find one past the last frame of a note, and one past the last frame to look at."""
        row = column * self._frames
        gap = self._bytes.find(_GAP, row + start, row + self._last)
        if gap >= 0:
            return gap - row, gap - row + TOLERANCE
        rest = self._bytes[row + start : row + self._last].rstrip(b"\0")
        return start + len(rest), self._last

    def _backward(self, column: int, stop: int) -> tuple[int, int]:
        """Find the first frame of a note that goes on at `stop`, and the first to look at."""
        row = column * self._frames
        gap = self._bytes.rfind(_GAP, row + 1, row + stop)
        if gap >= 0:
            return gap - row + TOLERANCE, gap - row
        rest = self._bytes[row + 1 : row + stop].lstrip(b"\0")
        return stop - len(rest), 1

    def _seeds(self) -> Iterator[tuple[int, int]]:
        """Yield (frame, column) of what is left above the threshold now, strongest first."""
        left = [each for piece in in_pieces(self._left, self._frames) for each in piece]
        energies, frames, columns = map(np.concatenate, zip(*left, strict=True))
        order = np.argsort(-energies, kind="stable")
        by_energy = frames[order], columns[order]
        for start in range(0, len(order), _CHUNK_SEEDS):
            chunk = slice(start, start + _CHUNK_SEEDS)
            yield from zip(*(each[chunk].tolist() for each in by_energy), strict=True)

    def _left(self, start: int, stop: int) -> list[_Left]:
        """Find what is above the threshold and not taken yet."""
        found = []
        for at in range(start, stop, _CHUNK_FRAMES):
            chunk = slice(at, min(at + _CHUNK_FRAMES, stop))
            energies = self._notes[chunk]
            here = (self._cells[:, chunk].T == _SOUNDING) & (energies > self._most)
            rows, columns = places_of(here)
            found.append(
                (energies[rows, columns], (rows + at).astype(np.int32), columns.astype(np.int8))
            )
        return found


def _next(number: np.float32, towards: float) -> np.float32:
    """Give the float32 beside this one."""
    neighbour: np.float32 = np.nextafter(number, np.float32(towards))
    return neighbour
