"""How far notes reach, in time that grows linearly with the song."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np

from neuralib.midi.activations import Matrix

TOLERANCE = 11
"""A note ends where its activation stays below the threshold for so many frames."""

_GAP = bytes(TOLERANCE)
_SILENT, _SOUNDING, _SPENT = 0, 1, 2
_CHUNK_FRAMES = 4096
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

    The search sees only whether a frame reaches the threshold, so a key is a string of bytes, in
    which the end of a note is the next run of eleven zeros: C code finds it, and each frame is
    looked at a bounded number of times.
    """

    def __init__(self, notes: Matrix, threshold: float, minimum_frames: int) -> None:
        """Prepare the search.

        Args:
            notes: (frames, keys), 0 to 1; stays as it is.
            threshold: least activation at which a note goes on.
            minimum_frames: a note is longer than this.
        """
        self._notes = notes
        self._threshold = threshold
        self._minimum = minimum_frames
        self._last = len(notes) - 1
        # At a threshold of 0 energy that was taken away is still not below it.
        self._spent = bytes([_SPENT if threshold <= 0.0 else _SILENT])
        self._keys = _rows(notes, threshold)

    def from_onsets(self, onsets: Iterable[tuple[int, int]]) -> Iterator[Span]:
        """Yield the notes that start at (frame, column) pairs, to be given latest first."""
        for start, column in onsets:
            if start >= self._last:
                continue
            end, _ = self._forward(self._keys[column], start + 1)
            if end - start > self._minimum:
                self._take(column, start, end)
                self._take_neighbours(column, start, end)
                yield Span(start, end, column)

    def from_energy(self) -> Iterator[Span]:
        """Yield the notes around the strongest activations that are left, strongest first.

        This is basic-pitch's "melodia trick". Among equals, the earliest and then the lowest
        goes first.
        """
        for middle, column in self._seeds():
            key = self._keys[column]
            if key[middle] != _SOUNDING:
                continue
            self._take(column, middle, middle + 1)
            end, seen = self._forward(key, middle + 1)
            start, first_seen = self._backward(key, middle)
            for low, high in ((first_seen, middle), (middle + 1, seen)):
                self._take(column, low, high)
                self._take_neighbours(column, low, high)
            if end - 1 - start > self._minimum:  # the last frame is left out, as in basic-pitch
                yield Span(start, end - 1, column)

    def _forward(self, key: bytearray, start: int) -> tuple[int, int]:
        """Find one past the last frame of a note, and one past the last frame to look at."""
        gap = key.find(_GAP, start, self._last)
        if gap >= 0:
            return gap, gap + TOLERANCE
        return start + len(key[start : self._last].rstrip(b"\0")), max(self._last, start)

    def _backward(self, key: bytearray, stop: int) -> tuple[int, int]:
        """Find the first frame of a note that goes on at `stop`, and the first to look at."""
        gap = key.rfind(_GAP, 1, stop)
        if gap >= 0:
            return gap + TOLERANCE, gap
        return stop - len(key[1:stop].lstrip(b"\0")), min(1, stop)

    def _take(self, column: int, start: int, end: int) -> None:
        if start < end:
            self._keys[column][start:end] = self._spent * (end - start)

    def _take_neighbours(self, column: int, start: int, end: int) -> None:
        if column > 0:
            self._take(column - 1, start, end)
        if column + 1 < len(self._keys):
            self._take(column + 1, start, end)

    def _seeds(self) -> Iterator[tuple[int, int]]:
        """Yield (frame, column) of what is left above the threshold now, strongest first."""
        energies, frames, columns = [], [], []
        for start in range(0, len(self._notes), _CHUNK_FRAMES):
            part = self._notes[start : start + _CHUNK_FRAMES]
            left = [np.frombuffer(key, np.uint8)[start : start + len(part)] for key in self._keys]
            found = (np.stack(left, axis=1) == _SOUNDING) & (
                part.astype(np.float64) > self._threshold
            )
            rows, keys = np.nonzero(found)
            energies.append(part[found])
            frames.append((rows + start).astype(np.int32))
            columns.append(keys.astype(np.int8))
        order = np.argsort(-np.concatenate(energies), kind="stable")
        sorted_frames, sorted_columns = (
            np.concatenate(frames)[order],
            np.concatenate(columns)[order],
        )
        for start in range(0, len(order), _CHUNK_SEEDS):
            chunk = slice(start, start + _CHUNK_SEEDS)
            yield from zip(
                sorted_frames[chunk].tolist(), sorted_columns[chunk].tolist(), strict=True
            )


def _rows(notes: Matrix, threshold: float) -> list[bytearray]:
    """Write each column as bytes: whether each frame reaches the threshold, in float64."""
    sounding = np.empty(notes.shape[::-1], np.uint8)
    for start in range(0, len(notes), _CHUNK_FRAMES):
        part = notes[start : start + _CHUNK_FRAMES].astype(np.float64)
        sounding[:, start : start + len(part)] = (part >= threshold).T
    return [bytearray(key.tobytes()) for key in sounding]
