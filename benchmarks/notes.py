"""How far the notes of two MIDI files agree: F1 of onsets within 50 ms and pitches."""

from __future__ import annotations

from pathlib import Path

import mir_eval
import numpy as np
import pretty_midi
from numpy.typing import NDArray


def agreement(ours: Path, theirs: Path) -> float:
    """Give the F1, theirs being the reference."""
    *_, f1, _ = mir_eval.transcription.precision_recall_f1_overlap(
        *notes_of(theirs), *notes_of(ours), offset_ratio=None
    )
    return float(f1)


def notes_of(path: Path) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Give intervals in seconds and pitches in hertz."""
    parts = pretty_midi.PrettyMIDI(str(path)).instruments
    notes = [note for part in parts for note in part.notes]
    times = np.array([(note.start, note.end) for note in notes]).reshape(-1, 2)
    return times, 440 * 2 ** ((np.array([note.pitch for note in notes]) - 69) / 12)
