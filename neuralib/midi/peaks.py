"""Where notes start: peaks of the onset activations, and of sudden rises of the note ones."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from neuralib.midi.activations import Matrix
from neuralib.midi.pieces import Places, places_of

_CHUNK_FRAMES = 512  # what is computed of so many frames stays in a core's cache
_MARGIN = np.float32(2.0**-22)
"""More than float32 rounds off in the difference of two numbers from 0 to 1."""


def onset_peaks(
    onsets: Matrix, notes: Matrix, threshold: float, *, infer: bool = True
) -> Iterator[tuple[int, int]]:
    """Yield (frame, column) of every onset, the latest first, higher columns first.

    An onset is a strict local maximum over time of at least `threshold` (with a threshold of 0
    every frame is one, as in basic-pitch).

    Args:
        onsets: (frames, keys), 0 to 1.
        notes: (frames, keys), 0 to 1.
        threshold: 0 to 1.
        infer: also take sudden rises of `notes` for onsets, scaled to the largest of `onsets`.
    """
    strength = _Strength(onsets, notes, infer=infer)
    for start in reversed(range(0, strength.frames, _CHUNK_FRAMES)):
        rows, columns = _peaks(strength, start, threshold)
        yield from zip(rows[::-1].tolist(), columns[::-1].tolist(), strict=True)


def _peaks(strength: _Strength, start: int, threshold: float) -> Places:
    stop = min(start + _CHUNK_FRAMES, strength.frames)
    if threshold <= 0.0:
        rows, columns = places_of(np.ones((stop - start, strength.keys), np.bool_))
        return rows + start, columns
    # An edge has no neighbour to exceed.
    rows, columns = strength.about(max(start, 1), min(stop, strength.frames - 1), threshold)
    here = strength.of(rows, columns)
    found = (
        (here >= threshold)
        & (here > strength.of(rows - 1, columns))
        & (here > strength.of(rows + 1, columns))
    )
    return rows[found], columns[found]


class _Strength:
    """How strongly each frame is an onset.

    The rise of a note is the smaller of its gains over one and over two frames; it is scaled so
    that the song's largest rise equals the song's largest onset activation. The strength is
    computed in float64, as by basic-pitch, where float32 cannot rule out that it matters.
    """

    def __init__(self, onsets: Matrix, notes: Matrix, *, infer: bool) -> None:
        self._onsets = onsets
        self._notes = notes
        self.frames, self.keys = onsets.shape
        self._top_onset = float(onsets.max(initial=0.0))
        self._top_rise = self._largest_rise() if infer else 0.0

    def of(self, rows: NDArray[np.intp], columns: NDArray[np.intp]) -> NDArray[np.float64]:
        """Compute the strength at each of these places."""
        onsets = self._onsets[rows, columns].astype(np.float64)
        if not self._top_rise:  # nothing rises, or nothing is to be inferred
            return onsets
        return np.maximum(onsets, self._top_onset * self._rise(rows, columns) / self._top_rise)

    def about(self, start: int, stop: int, threshold: float) -> Places:
        """Find all places of a strength of at least `threshold`, and perhaps some more."""
        if start >= stop:
            return places_of(np.zeros((0, self.keys), np.bool_))
        least = np.float32(threshold) - _MARGIN
        found = self._onsets[start:stop] >= least
        if self._top_rise and self._top_onset:
            least_rise = np.float32(threshold * self._top_rise / self._top_onset) - _MARGIN
            found |= self._rough_rise(start, stop) >= least_rise
        rows, columns = places_of(found)
        return rows + start, columns

    def _rise(self, rows: NDArray[np.intp], columns: NDArray[np.intp]) -> NDArray[np.float64]:
        now, before, earlier = (
            self._notes[np.maximum(rows - back, 0), columns].astype(np.float64) for back in range(3)
        )
        rise = np.maximum(np.minimum(now - before, now - earlier), 0.0)
        rise[rows < 2] = 0.0
        return rise

    def _rough_rise(self, start: int, stop: int) -> Matrix:
        """Compute (stop - start, keys) to within the margin, negative where notes get softer."""
        rise: Matrix = np.zeros((stop - start, self.keys), np.float32)
        first = max(start, 2)
        if first < stop:
            now = self._notes[first:stop]
            gain = rise[first - start :]
            np.subtract(now, self._notes[first - 1 : stop - 1], out=gain)
            np.minimum(gain, now - self._notes[first - 2 : stop - 2], out=gain)
        return rise

    def _largest_rise(self) -> float:
        largest = 0.0
        for start in range(0, self.frames, _CHUNK_FRAMES):
            rises = self._rough_rise(start, min(start + _CHUNK_FRAMES, self.frames))
            least = rises.max(initial=0.0) - _MARGIN
            if least + 2 * _MARGIN > largest:
                rows, columns = places_of(rises >= least)
                largest = max(largest, float(self._rise(rows + start, columns).max(initial=0.0)))
        return largest
