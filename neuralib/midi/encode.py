"""Notes as files."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence

from neuralib.midi.notes import Note
from neuralib.midi.score import Score, encode_score
from neuralib.tasks import NotesFormat

_COLUMNS = ("start_time_s", "end_time_s", "pitch_midi", "velocity", "pitch_bend")
_DECIMALS = 6  # microseconds, and more of an amplitude than its float32 holds


def encode_notes(notes: Sequence[Note], format: NotesFormat, score: Score) -> bytes:
    """Give the file of notes.

    mid: see `encode_score`. csv: a header and a line a note as basic-pitch writes them, but with
    all bends of a note in one cell, separated by spaces, so that each line has five cells.
    json: `{"notes": [{"start", "end", "pitch", "name", "frequency_hz", "amplitude", "velocity",
    "bends"}, ...]}`, a line a note.

    Args:
        notes: in the order in which csv and json are to have them.
        format: mid, csv or json.
        score: for mid.
    """
    if format == "mid":
        return encode_score(notes, score)
    return (_csv(notes) if format == "csv" else _json(notes)).encode()


def _csv(notes: Sequence[Note]) -> str:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(_COLUMNS)
    for note in notes:
        start, end = round(note.start, _DECIMALS), round(note.end, _DECIMALS)
        bends = " ".join(map(str, note.bends or ()))
        writer.writerow((start, end, note.pitch, note.velocity, bends))
    return text.getvalue()


def _json(notes: Sequence[Note]) -> str:
    lines = ",\n".join(json.dumps(_fields(note)) for note in notes)
    return f'{{"notes": [\n{lines}\n]}}\n'


def _fields(note: Note) -> dict[str, object]:
    return {
        "start": round(note.start, _DECIMALS),
        "end": round(note.end, _DECIMALS),
        "pitch": note.pitch,
        "name": note.name,
        "frequency_hz": round(note.frequency_hz, _DECIMALS),
        "amplitude": round(note.amplitude, _DECIMALS),
        "velocity": note.velocity,
        "bends": note.bends,
    }
