"""Notes as tables."""

from __future__ import annotations

import csv
import io
import json

import pytest

from neuralib.midi.encode import encode_notes
from neuralib.midi.notes import Note
from neuralib.midi.score import Score

NOTES = [
    Note(0.011609977, 0.5, 69, 0.7071, (0, 1, -1)),
    Note(0.25, 1.0, 60, 0.0001),
    Note(2.0, 2.5, 22, 1.0, ()),
]


def test_csv_has_five_cells_a_line() -> None:
    text = encode_notes(NOTES, "csv", Score()).decode()

    assert list(csv.reader(io.StringIO(text))) == [
        ["start_time_s", "end_time_s", "pitch_midi", "velocity", "pitch_bend"],
        ["0.01161", "0.5", "69", "90", "0 1 -1"],
        ["0.25", "1.0", "60", "1", ""],
        ["2.0", "2.5", "22", "127", ""],
    ]


def test_json_says_everything() -> None:
    read = json.loads(encode_notes(NOTES, "json", Score()))

    assert read["notes"][0] == {
        "start": 0.01161,
        "end": 0.5,
        "pitch": 69,
        "name": "A4",
        "frequency_hz": 440.0,
        "amplitude": 0.7071,
        "velocity": 90,
        "bends": [0, 1, -1],
    }
    assert [note["name"] for note in read["notes"]] == ["A4", "C4", "A#0"]
    assert read["notes"][1]["bends"] is None
    assert read["notes"][1]["frequency_hz"] == pytest.approx(261.625565)


@pytest.mark.parametrize(("format", "size"), [("csv", 56), ("json", 16)])
def test_no_notes_make_a_file_too(format: str, size: int) -> None:
    assert len(encode_notes([], format, Score())) == size


def test_mid_follows_the_score() -> None:
    one = encode_notes(NOTES, "mid", Score())
    more = encode_notes(NOTES, "mid", Score(multiple_pitch_bends=True))

    assert one[:4] == more[:4] == b"MThd"
    assert (one[11], more[11]) == (2, 4)
