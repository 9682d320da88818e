"""What the pitch model says: how likely each pitch starts, sounds and bends at each frame."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Activations:
    """Three matrices over the same frames, values 0 to 1, float32.

    A frame is 256 samples of 22 050 Hz (11.6 ms); `midi.times` turns frames into seconds.
    """

    onsets: NDArray[np.float32]
    """(frames, 88): a note of this piano key starts here."""
    notes: NDArray[np.float32]
    """(frames, 88): a note of this piano key sounds here."""
    contours: NDArray[np.float32]
    """(frames, 264): energy at a third of a semitone each."""
