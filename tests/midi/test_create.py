"""Notes are those of basic-pitch, found in linear time."""

from __future__ import annotations

import time
from dataclasses import replace

import librosa
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from neuralib.midi import pieces
from neuralib.midi.activations import Activations
from neuralib.midi.create import create_notes
from neuralib.midi.notes import Note
from neuralib.midi.times import seconds_of
from neuralib.tasks import MidiTask
from tests.midi.reference import make_activations, reference_notes

THRESHOLDS = st.sampled_from([0.0, 0.25, 0.3, 0.5, 0.75, 1.0]) | st.floats(0.0, 1.0)
PIANO_HZ = st.none() | st.floats(27.5, 4000.0)


@st.composite
def activations(draw: st.DrawFn) -> Activations:
    return make_activations(
        frames=draw(st.integers(1, 90)),
        seed=draw(st.integers(0, 2**32 - 1)),
        smoothness=draw(st.sampled_from([1, 2, 5, 20])),
        levels=draw(st.sampled_from([None, 2, 4, 10])),
    )


@st.composite
def tasks(draw: st.DrawFn) -> MidiTask:
    onset_threshold = draw(THRESHOLDS)
    # At an onset threshold of 0 basic-pitch starts notes outside of the range, too.
    limits = [None, None] if onset_threshold == 0.0 else [draw(PIANO_HZ), draw(PIANO_HZ)]
    if None not in limits:
        limits.sort()
        assume(limits[0] != limits[1])
    return MidiTask(
        onset_threshold=onset_threshold,
        frame_threshold=draw(THRESHOLDS),
        minimum_note_ms=draw(st.sampled_from([0.0, 11.7, 58.0, 127.7]) | st.floats(0.0, 400.0)),
        minimum_frequency_hz=limits[0],
        maximum_frequency_hz=limits[1],
        melodia_trick=draw(st.booleans()),
        pitch_bends=draw(st.booleans()),
    )


def rises(activations: Activations, task: MidiTask) -> bool:
    """Tell whether any note gets louder; basic-pitch loses all onsets where none does."""
    low, high = (
        limit and round(librosa.hz_to_midi(limit)) - 21
        for limit in (task.minimum_frequency_hz, task.maximum_frequency_hz)
    )
    notes = activations.notes[:, low:high]
    return bool(((notes[2:] > notes[1:-1]) & (notes[2:] > notes[:-2])).any())


@settings(deadline=None, max_examples=40)
@given(activations(), tasks(), st.booleans())
def test_notes_are_those_of_basic_pitch(
    activations: Activations, task: MidiTask, infer_onsets: bool
) -> None:
    assume(len(activations.notes) < 3 or rises(activations, task))
    before = [matrix.copy() for matrix in activations.matrices]

    notes = create_notes(activations, task, infer_onsets=infer_onsets)

    assert notes == reference_notes(activations, task, infer_onsets=infer_onsets)
    assert all(map(np.array_equal, activations.matrices, before))


@pytest.mark.parametrize("piece_frames", [pieces.PIECE_FRAMES, 700])
def test_notes_of_minutes_are_those_of_basic_pitch(
    piece_frames: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So long that the work is done in several chunks, and times lose their lead many times."""
    monkeypatch.setattr(pieces, "PIECE_FRAMES", piece_frames)
    activations, task = make_activations(3000, seed=1, smoothness=20), MidiTask()

    notes = create_notes(activations, task)

    assert len(notes) > 500
    assert notes == reference_notes(activations, task)


@pytest.mark.parametrize("frames", [0, 1, 2, 3, 400])
@pytest.mark.parametrize("minimum_note_ms", [0.0, 127.7])
def test_silence_has_no_notes(frames: int, minimum_note_ms: float) -> None:
    nothing = np.zeros((frames, 88), np.float32)
    silence = Activations(nothing, nothing, np.zeros((frames, 264), np.float32))

    assert create_notes(silence, MidiTask(minimum_note_ms=minimum_note_ms)) == []


def test_notes_start_to_the_very_end() -> None:
    """basic-pitch leaves the last frames out; the notes before are the same as without them."""
    whole = make_activations(3000, seed=1, smoothness=20)
    known = replace(whole, reference_frames=2500)

    notes = create_notes(known, MidiTask())

    expected = reference_notes(whole.part(0, 2500), MidiTask())
    end = seconds_of(np.array([2500]))[0]
    assert [note for note in notes if note.start < end] == expected
    late = [note for note in notes if note.start >= end]
    assert len(late) > 50
    at_once = {(note.start, note.pitch) for note in create_notes(whole, MidiTask())}
    assert len({(note.start, note.pitch) for note in late} & at_once) > 0.8 * len(late)
    assert late[-1].end > seconds_of(np.array([2950]))[0]


@pytest.mark.parametrize("late_frames", [0, 1, 12, 13, 14, 30])
def test_the_shortest_late_note_is_found(late_frames: int) -> None:
    """A note is longer than eleven frames, and never reaches the last one."""
    onsets, notes = np.zeros((2, 200 + late_frames, 88), np.float32)
    onsets[200:201, 40] = notes[200:, 40] = 0.9
    activations = Activations(onsets, notes, np.zeros((len(notes), 264), np.float32), 200)

    found = create_notes(activations, MidiTask())

    assert [note.pitch for note in found] == ([61] if late_frames > 12 else [])


def held_note(onset: float) -> Activations:
    """A key that sounds from the first frame to the last, and is struck at frame 50."""
    onsets, notes = np.zeros((2, 200, 88), np.float32)
    notes[:, 40] = 0.8
    onsets[50, 40] = onset
    return Activations(onsets, notes, np.zeros((200, 264), np.float32))


def test_onsets_count_even_where_nothing_gets_louder() -> None:
    struck = create_notes(held_note(0.9), MidiTask(melodia_trick=False, pitch_bends=False))

    assert [(note.pitch, note.bends) for note in struck] == [(61, None)]
    assert struck[0].start == pytest.approx(50 * 256 / 22_050)
    assert struck[0].amplitude == pytest.approx(0.8)
    assert create_notes(held_note(0.4), MidiTask(melodia_trick=False)) == []


def test_limits_beyond_the_piano_keep_all_or_nothing() -> None:
    activations = make_activations(300, seed=3, smoothness=20)
    everything = create_notes(activations, MidiTask())

    def within(low: float | None, high: float | None) -> list[Note]:
        task = MidiTask(minimum_frequency_hz=low, maximum_frequency_hz=high)
        return create_notes(activations, task)

    assert everything
    assert within(1.0, None) == within(None, 20_000.0) == everything
    assert within(None, 20.0) == within(5000.0, None) == []


def dense_music(minutes: int) -> Activations:
    """Eight voices without a rest; the contours take no memory, since they hold nothing."""
    random = np.random.default_rng(4)
    frames = minutes * 60 * 86
    onsets, notes = 0.2 * random.random((2, frames, 88), dtype=np.float32)
    for _ in range(8):
        start = int(random.integers(40))
        while start < frames - 100:
            length, key = random.integers([12, 10], [80, 78])
            notes[start : start + length, key] = np.linspace(0.9, 0.4, length)
            onsets[start, key] = random.uniform(0.5, 1.0)
            start += int(length)
    contours = np.broadcast_to(np.zeros(264, np.float32), (frames, 264))
    return Activations(onsets, notes, contours)


def seconds_to_create(*songs: Activations) -> float:
    before = time.process_time()
    notes = sum(len(create_notes(song, MidiTask())) for song in songs)
    assert notes > 10_000
    return time.process_time() - before


def test_an_hour_takes_as_long_as_its_minutes() -> None:
    """The hour against its twenty pieces of three minutes; it has less of the caches than they.

    Looking through it all once more for every note would take twenty times as long.
    """
    hour = dense_music(60)
    pieces = [
        Activations(*(np.array_split(matrix, 20)[index] for matrix in hour.matrices))
        for index in range(20)
    ]

    assert any(seconds_to_create(hour) < 2 * seconds_to_create(*pieces) for _ in range(3))
