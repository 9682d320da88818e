"""Quantised notes lie on the grid of their tempo, and nothing else happens to them."""

from __future__ import annotations

import io
import math
from itertools import pairwise

import mido
import pretty_midi
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neuralib.midi.notes import Note
from neuralib.midi.quantize import quantize
from neuralib.midi.score import Score, encode_score
from neuralib.midi.tempo import Tempo
from neuralib.tasks import QuantizeGrid

STEPS: dict[QuantizeGrid, float] = {
    "1/4": 1.0,
    "1/8": 0.5,
    "1/16": 0.25,
    "1/32": 0.125,
    "1/4t": 2 / 3,
    "1/8t": 1 / 3,
    "1/16t": 1 / 6,
    "1/32t": 1 / 12,
}
TEMPI = st.builds(Tempo.of, st.floats(30.0, 300.0), st.floats(0.0, 20.0))
NOTES = st.lists(
    st.builds(
        lambda start, length, pitch, amplitude: Note(start, start + length, pitch, amplitude),
        st.floats(0.0, 60.0) | st.floats(3000.0, 3600.0),
        st.floats(0.01, 3.0),
        st.sampled_from([60, 61, 64]),
        st.floats(0.0, 1.0),
    ),
    max_size=30,
)


@settings(deadline=None)
@given(NOTES, st.sampled_from(list(STEPS)), TEMPI)
def test_a_file_has_its_notes_on_the_grid(
    notes: list[Note], grid: QuantizeGrid, tempo: Tempo
) -> None:
    """In ticks, counted from the first beat; also after an hour."""
    found = quantize(notes, grid, tempo)
    data = encode_score(found, Score(tempo=tempo))

    file = mido.MidiFile(file=io.BytesIO(data), clip=False)
    beat = round(tempo.pickup_quarters * file.ticks_per_beat)
    step = round(STEPS[grid] * file.ticks_per_beat)
    assert step == pytest.approx(STEPS[grid] * file.ticks_per_beat)
    tick, sounding, played = 0, set(), 0
    for message in file.tracks[1]:
        tick += message.time
        if message.type in ("note_on", "note_off"):
            assert (tick - beat) % step == 0
        if message.type == "note_on":
            assert message.note not in sounding
            sounding.add(message.note)
            played += 1
        elif message.type == "note_off":
            sounding.remove(message.note)
    assert played == len(found)


@given(NOTES, st.sampled_from(list(STEPS)), TEMPI)
def test_notes_are_never_empty_overlapping_or_far_from_home(
    notes: list[Note], grid: QuantizeGrid, tempo: Tempo
) -> None:
    found = quantize(notes, grid, tempo)

    # Before the first beat a step lasts up to one and a half of the others.
    step_seconds = 1.5 * STEPS[grid] * tempo.microseconds_per_quarter / 1e6
    assert {note.pitch for note in found} == {note.pitch for note in notes}
    for pitch in {note.pitch for note in found}:
        own = [note for note in found if note.pitch == pitch]
        assert all(note.start < note.end for note in own)
        assert all(a.end <= b.start + 1e-9 for a, b in pairwise(own))
        for note in own:
            homes = [each.start for each in notes if each.pitch == pitch]
            assert note.start >= 0
            assert min(abs(note.start - home) for home in homes) <= step_seconds


def on_the_grid(*notes: Note, grid: QuantizeGrid = "1/16") -> list[tuple[float, float, float]]:
    found = quantize(notes, grid, Tempo.of(120.0))
    return [(round(note.start, 6), round(note.end, 6), note.amplitude) for note in found]


def test_starts_and_ends_move_to_the_nearest_step() -> None:
    assert on_the_grid(Note(0.05, 0.30, 60, 0.5)) == [(0.0, 0.25, 0.5)]
    assert on_the_grid(Note(0.07, 0.32, 60, 0.5)) == [(0.125, 0.375, 0.5)]
    assert on_the_grid(Note(0.15, 0.52, 60, 0.5), grid="1/8t") == [(0.166667, 0.5, 0.5)]


def test_a_short_note_lasts_a_step() -> None:
    assert on_the_grid(Note(0.99, 1.01, 60, 0.5)) == [(1.0, 1.125, 0.5)]


def test_notes_of_a_pitch_that_meet_become_one() -> None:
    first, second = Note(0.99, 1.02, 60, 0.4), Note(1.03, 1.40, 60, 0.8)

    assert on_the_grid(first, second) == [(1.0, 1.375, 0.8)]


def test_a_note_ends_where_its_pitch_starts_again() -> None:
    assert on_the_grid(Note(0.0, 0.30, 60, 0.4), Note(0.31, 0.32, 60, 0.8)) == [
        (0.0, 0.25, 0.4),
        (0.25, 0.375, 0.8),
    ]


@pytest.mark.parametrize(
    ("first_beat", "pickup"),
    [
        (0.0, (0, 4)),
        (0.01, (0, 4)),
        (0.03, (1, 64)),
        (0.12, (1, 16)),
        (0.37, (1, 4)),
        (0.9, (2, 4)),
        (1.99, (4, 4)),
        (2.0, (0, 4)),
        (10.12, (1, 16)),
    ],
)
def test_bars_start_at_the_first_beat(first_beat: float, pickup: tuple[int, int]) -> None:
    tempo = Tempo.of(120.0, first_beat)
    note = Note(tempo.first_beat + 2.0, tempo.first_beat + 2.5, 60, 1.0)
    midi = pretty_midi.PrettyMIDI(io.BytesIO(encode_score([note], Score(tempo=tempo))))

    assert tempo.pickup == pickup
    assert midi.get_downbeats()[-1] == pytest.approx(note.start, abs=1e-3)
    assert midi.instruments[0].notes[0].start == pytest.approx(note.start, abs=1e-3)
    assert math.remainder(tempo.first_beat - first_beat, 2.0) == pytest.approx(0, abs=0.0101)
    assert midi.get_tempo_changes()[1][-1] == pytest.approx(120.0)


@given(TEMPI, st.floats(0.0, 20_000.0))
def test_quarters_are_counted_back_into_seconds(tempo: Tempo, seconds: float) -> None:
    assert tempo.seconds_at(tempo.quarter_at(seconds)) == pytest.approx(seconds, abs=1e-6)
