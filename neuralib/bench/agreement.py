"""How far the results of two runs of one task agree."""

from __future__ import annotations

import json
from difflib import SequenceMatcher
from pathlib import Path

import numpy as np
import soundfile

UNITS = {"separate": "{:.0f} dB", "midi": "F1 {:.3f}", "transcribe": "{:.0%} words"}
"""What is told by task: signal-to-noise ratio of the worst stem, F1 of notes with the same pitch
and onsets within 50 ms, and the part of the words that is the same."""

_ONSET_SECONDS = 0.05
_MOST_DB = 200.0


def agreement(kind: str, reference: Path, folder: Path) -> float:
    """Compare all results of a folder with those of the same names in another one."""
    if kind == "separate":
        return min(_snr_db(path, folder / path.name) for path in reference.glob("*.wav"))
    if kind == "midi":
        return _f1(*(_notes(next(each.glob("*.json"))) for each in (reference, folder)))
    first, second = (
        next(each.glob("*.txt")).read_text("utf-8").split() for each in (reference, folder)
    )
    return SequenceMatcher(a=first, b=second, autojunk=False).ratio()


def _snr_db(reference: Path, other: Path) -> float:
    signal = soundfile.read(reference, dtype="float32")[0]
    noise = soundfile.read(other, dtype="float32")[0] - signal
    energies = [float(np.square(each, dtype=np.float64).sum()) for each in (signal, noise)]
    return min(_MOST_DB, 10 * float(np.log10((energies[0] + 1e-20) / (energies[1] + 1e-20))))


def _notes(path: Path) -> list[tuple[int, float]]:
    return sorted((note["pitch"], note["start"]) for note in json.loads(path.read_text())["notes"])


def _f1(first: list[tuple[int, float]], second: list[tuple[int, float]]) -> float:
    """Pair notes in the order of their onsets, pitch by pitch."""
    left, right, pairs = 0, 0, 0
    while left < len(first) and right < len(second):
        (pitch, start), (other_pitch, other_start) = first[left], second[right]
        if pitch == other_pitch and abs(start - other_start) <= _ONSET_SECONDS:
            pairs, left, right = pairs + 1, left + 1, right + 1
        elif (pitch, start) < (other_pitch, other_start):
            left += 1
        else:
            right += 1
    return 2 * pairs / (len(first) + len(second)) if first or second else 1.0
