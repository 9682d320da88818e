"""Where notes start: peaks of the onset activations, and of sudden rises of the note ones."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from neuralib.midi.activations import Matrix

_CHUNK_FRAMES = 1024  # float64 copies are made of so many frames, never of the whole song


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
    frames = len(onsets)
    for start in reversed(range(0, frames, _CHUNK_FRAMES)):
        stop = min(start + _CHUNK_FRAMES, frames)
        found = _peaks(strength, start, stop, frames, threshold)
        rows, columns = np.nonzero(found)
        yield from zip((rows[::-1] + start).tolist(), columns[::-1].tolist(), strict=True)


def _peaks(
    strength: _Strength, start: int, stop: int, frames: int, threshold: float
) -> NDArray[np.bool_]:
    found = np.full((stop - start, strength.keys), threshold <= 0.0)
    first, last = max(start, 1), min(stop, frames - 1)  # an edge has no neighbour to exceed
    if threshold > 0.0 and first < last:
        around = strength.between(first - 1, last + 1)
        here = around[1:-1]
        found[first - start : last - start] = (
            (here > around[:-2]) & (here > around[2:]) & (here >= threshold)
        )
    return found


class _Strength:
    """How strongly each frame is an onset, computed in float64 for any range of frames.

    The rise of a note is the smaller of its gains over one and over two frames; it is scaled so
    that the song's largest rise equals the song's largest onset activation.
    """

    def __init__(self, onsets: Matrix, notes: Matrix, *, infer: bool) -> None:
        self._onsets = onsets
        self._notes = notes
        self.keys = onsets.shape[1]
        starts = range(0, len(notes), _CHUNK_FRAMES) if infer else ()
        self._top_rise = max(
            (self._rise(at, at + _CHUNK_FRAMES).max() for at in starts), default=0.0
        )
        self._top_onset = float(onsets.max(initial=0.0))

    def between(self, start: int, stop: int) -> NDArray[np.float64]:
        """Compute (stop - start, keys)."""
        onsets = self._onsets[start:stop].astype(np.float64)
        if not self._top_rise:  # nothing rises, or nothing is to be inferred
            return onsets
        rises = self._top_onset * self._rise(start, stop) / self._top_rise
        return np.maximum(onsets, rises, out=rises)

    def _rise(self, start: int, stop: int) -> NDArray[np.float64]:
        stop = min(stop, len(self._notes))
        rise = np.zeros((stop - start, self.keys))
        first = max(start, 2)
        if first < stop:
            now = self._notes[first:stop].astype(np.float64)
            gain = now - self._notes[first - 1 : stop - 1]
            np.minimum(gain, now - self._notes[first - 2 : stop - 2], out=gain)
            np.maximum(gain, 0.0, out=rise[first - start :])
        return rise
