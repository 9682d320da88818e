"""What the pitch model says: how likely each pitch starts, sounds and bends at each frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Matrix: TypeAlias = NDArray[np.float32]
"""(frames, keys or bins), values 0 to 1."""

Frames: TypeAlias = NDArray[np.int64]
"""Numbers of frames, or of what they are about."""

KEYS = 88
"""Keys of a piano."""
LOWEST_PITCH = 21
"""MIDI note number of the first key: A0, 27.5 Hz."""
BINS_PER_KEY = 3
"""Contour bins of a key."""
TUNED_BIN = 1
"""Which of its bins, counted from 0, a key's own pitch is in."""


@dataclass(frozen=True)
class Activations:
    """Three matrices over the same frames, values 0 to 1, float32.

    A frame is 256 samples of 22 050 Hz (11.6 ms); `midi.times` turns frames into seconds.
    """

    onsets: Matrix
    """(frames, 88): a note of this piano key starts here."""
    notes: Matrix
    """(frames, 88): a note of this piano key sounds here."""
    contours: Matrix
    """(frames, 264): energy at a third of a semitone each."""
    reference_frames: int | None = None
    """So many frames basic-pitch looks at, and leaves out the rest; None: all of them."""

    @property
    def matrices(self) -> tuple[Matrix, Matrix, Matrix]:
        """Onsets, notes and contours."""
        return self.onsets, self.notes, self.contours

    def part(self, start: int, stop: int | None = None) -> Activations:
        """Give the frames from `start` to before `stop`, or to the end."""
        onsets, notes, contours = (matrix[start:stop] for matrix in self.matrices)
        return Activations(onsets, notes, contours)
