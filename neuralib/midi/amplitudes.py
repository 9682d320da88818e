"""How loud notes are."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from neuralib.midi.activations import Frames, Matrix
from neuralib.midi.pieces import in_pieces

_MOST_CELLS = 65_536


def amplitudes(notes: Matrix, starts: Frames, ends: Frames, keys: Frames) -> list[float]:
    """Average the activation of each note over its frames, to the bit as `ndarray.mean` does.

    Args:
        notes: (frames, 88), 0 to 1.
        starts: first frame of each note, none smaller than the one before.
        ends: one past its last frame.
        keys: its piano key, 0 to 87.
    """

    def averages(first_frame: int, stop: int) -> NDArray[np.float32]:
        these = slice(*np.searchsorted(starts, (first_frame, stop)))
        return _averages(notes, starts[these], ends[these] - starts[these], keys[these])

    pieces = in_pieces(averages, len(notes))
    return [average for piece in pieces for average in piece.tolist()]


def _averages(notes: Matrix, starts: Frames, lengths: Frames, keys: Frames) -> NDArray[np.float32]:
    """Do notes of the same length together: most are short, and a call costs as much as many."""
    averages = np.empty(len(starts), np.float32)
    by_length = np.argsort(lengths, kind="stable")
    for group in np.split(by_length, np.flatnonzero(np.diff(lengths[by_length])) + 1):
        length = int(lengths[group[0]]) if len(group) else 1
        most = max(_MOST_CELLS // length, 1)
        for at in range(0, len(group), most):
            part = group[at : at + most]
            frames = starts[part, np.newaxis] + np.arange(length)
            energies = notes[frames, keys[part, np.newaxis]]
            averages[part] = np.add.reduce(energies, axis=1) / np.float32(length)
    return averages
