"""MIDI files say what the notes say, to readers of other people."""

from __future__ import annotations

import io
from collections import defaultdict
from itertools import pairwise
from operator import attrgetter

import mido
import pretty_midi
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neuralib.midi.bends import drop_overlapping_bends
from neuralib.midi.notes import Note
from neuralib.midi.score import Score, encode_score
from neuralib.midi.tempo import Tempo
from tests.midi import strict
from tests.midi.reference import note_creation

FRAME = 256 / 22_050
TEMPI = st.sampled_from([4.0, 60.0, 120.0, 133.7, 960.0]) | st.floats(4.0, 960.0)


@st.composite
def a_note(draw: st.DrawFn) -> Note:
    start, length = draw(st.integers(0, 300)), draw(st.integers(1, 40))
    bends = draw(st.none() | st.lists(st.integers(-26, 24), min_size=length, max_size=length))
    return Note(
        start=start * FRAME,
        end=(start + length) * FRAME,
        pitch=draw(st.integers(21, 108)),
        amplitude=draw(st.floats(0.0, 1.0)),
        bends=None if bends is None else tuple(bends),
    )


def clear_of_itself(notes: list[Note]) -> list[Note]:
    """Leave out notes that sound together with an earlier one of the same pitch."""
    kept: list[Note] = []
    for note in sorted(notes, key=attrgetter("place")):
        if all(note.pitch != other.pitch or note.start >= other.end for other in kept):
            kept.append(note)
    return kept


SCORES = st.lists(a_note(), max_size=40).map(clear_of_itself)


def encode(notes: list[Note], tempo_bpm: float, *, multiple: bool = False) -> bytes:
    return encode_score(notes, Score(tempo=Tempo.of(tempo_bpm), multiple_pitch_bends=multiple))


def read(data: bytes) -> mido.MidiFile:
    return mido.MidiFile(file=io.BytesIO(data), clip=False, charset="utf-8")


def messages(data: bytes) -> list[tuple[int, mido.Message]]:
    """All channel messages with their ticks, in the order in which they are played."""
    found = []
    for track in read(data).tracks:
        tick = 0
        for message in track:
            tick += message.time
            found.append((tick, message))
    found.sort(key=lambda pair: pair[0])
    return [(tick, message) for tick, message in found if not message.is_meta]


def wheel_of(data: bytes, pitch: int) -> list[int]:
    """Positions of the wheel while a pitch sounds."""
    positions: list[int] = []
    wheel, sounding = 0, False
    for _, message in messages(data):
        if message.type == "pitchwheel":
            wheel = message.pitch
        elif message.type in ("note_on", "note_off") and message.note == pitch:
            sounding = message.type == "note_on"
        if sounding and positions[-1:] != [wheel]:
            positions.append(wheel)
    return positions


@settings(deadline=None)
@given(SCORES, TEMPI, st.booleans())
def test_notes_come_back(notes: list[Note], tempo_bpm: float, multiple: bool) -> None:
    data = encode(notes, tempo_bpm, multiple=multiple)

    midi = pretty_midi.PrettyMIDI(io.BytesIO(data))
    back = sorted(
        (note for instrument in midi.instruments for note in instrument.notes),
        key=lambda note: (note.pitch, note.start),
    )
    expected = sorted(notes, key=lambda note: (note.pitch, note.start))
    assert [note.pitch for note in back] == [note.pitch for note in expected]
    assert [note.velocity for note in back] == [note.velocity for note in expected]
    for ours, theirs in zip(expected, back, strict=True):
        assert (theirs.start, theirs.end) == pytest.approx((ours.start, ours.end), abs=6e-4)


@settings(deadline=None)
@given(st.lists(a_note(), max_size=40), TEMPI, st.booleans())
def test_files_are_well_formed(notes: list[Note], tempo_bpm: float, multiple: bool) -> None:
    """Also where pitches are struck again while they sound."""
    data = encode(notes, tempo_bpm, multiple=multiple)
    file = read(data)

    assert data == encode(notes, tempo_bpm, multiple=multiple)
    strict.check(data)
    assert file.type == 1
    assert file.ticks_per_beat % 480 == 0
    assert all(track[-1].type == "end_of_track" for track in file.tracks)
    (tempo,) = (message.tempo for message in file.tracks[0] if message.type == "set_tempo")
    assert mido.tempo2bpm(tempo) == pytest.approx(tempo_bpm, rel=1e-5)
    started: dict[tuple[int, int], int] = {}
    for tick, message in messages(data):
        if message.type == "note_on":
            assert (message.channel, message.note) not in started
            assert message.channel != 9
            assert 1 <= message.velocity <= 127
            started[message.channel, message.note] = tick
        elif message.type == "note_off":
            assert tick > started.pop((message.channel, message.note))
    assert not started


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        (b"\x00\xff\x2f\x00MTrk", b"\x00\xff\x2e\x00MTrk", "a track without an end"),
        (b"\x00\xff\x51\x03", b"\x00\xff\x51\x04", "meta event 0x51 of 4 bytes"),
        (b"\x00\x00\x00\x06", b"\x00\x00\x00\x07", "the header is not 6 bytes long"),
        (b"\x00\x02", b"\x00\x03", "no track 2"),
    ],
)
def test_the_strict_reader_is_strict(old: bytes, new: bytes, fault: str) -> None:
    data = encode([Note(0.5, 1.0, 60, 0.5, (3, 0, -2))], 120.0)
    strict.check(data)
    assert old in data
    with pytest.raises(strict.Fault, match=fault):
        strict.check(data.replace(old, new, 1))


@settings(deadline=None)
@given(st.lists(a_note(), max_size=40), st.booleans())
def test_bends_never_outlive_their_note(notes: list[Note], multiple: bool) -> None:
    """Whenever a channel is silent its wheel is at rest, and it moves one note at a time."""
    data = encode(notes, 120.0, multiple=multiple)
    by_tick: dict[int, list[mido.Message]] = defaultdict(list)
    for tick, message in messages(data):
        by_tick[tick].append(message)
    wheel: dict[int, int] = defaultdict(int)
    sounding: dict[int, set[int]] = defaultdict(set)

    for tick in sorted(by_tick):
        for message in by_tick[tick]:
            if message.type == "pitchwheel":
                wheel[message.channel] = message.pitch
            elif message.type == "note_on":
                sounding[message.channel].add(message.note)
            elif message.type == "note_off":
                sounding[message.channel].remove(message.note)
        for channel, position in wheel.items():
            assert position == 0 or len(sounding[channel]) == 1


@settings(deadline=None)
@given(st.lists(a_note(), max_size=40))
def test_the_same_notes_keep_their_bends_as_in_basic_pitch(notes: list[Note]) -> None:
    events = [
        (note.start, note.end, note.pitch, index, note.bends) for index, note in enumerate(notes)
    ]
    theirs = note_creation.drop_overlapping_pitch_bends(events)

    ours = drop_overlapping_bends(notes)

    assert sorted(
        (note.start, note.end, note.pitch, note.bends is None) for note in ours
    ) == sorted((start, end, pitch, bends is None) for start, end, pitch, _, bends in theirs)


def test_bends_are_thirds_of_a_semitone_in_a_range_of_two() -> None:
    note = Note(0.0, 1.0, 60, 1.0, (0, 1, 2, 3, 3, -3, 6, 7, -6, -7))

    data = encode([note], 120.0)

    assert wheel_of(data, 60) == [0, 1365, 2731, 4096, -4096, 8191, -8192]
    bends = [(tick, each.pitch) for tick, each in messages(data) if each.type == "pitchwheel"]
    assert bends[:3] == [(96, 1365), (192, 2731), (288, 4096)]
    assert bends[-1] == (960, 0)
    controls = [
        (each.control, each.value) for _, each in messages(data) if each.type == "control_change"
    ]
    assert controls == [(101, 0), (100, 0), (6, 2), (38, 0), (101, 127), (100, 127)]


def chord(size: int) -> list[Note]:
    return [Note(0.5, 1.5, 40 + step, 0.8, (step % 7 - 3,) * 86) for step in range(size)]


def test_notes_that_sound_together_bend_only_on_tracks_of_their_own() -> None:
    notes = [*chord(15), Note(2.0, 3.0, 40, 0.5, (2,) * 86)]

    together = encode(notes, 120.0)
    apart = read(encode(notes, 120.0, multiple=True))

    assert {message.pitch for _, message in messages(together) if message.type == "pitchwheel"} == {
        0,
        2731,
    }
    assert [track.name for track in apart.tracks[1:]][:3] == ["E2", "F2", "F#2"]
    assert len({message.channel for track in apart.tracks[1:] for message in track[2:-1]}) == 15
    for note, track in zip(chord(15), apart.tracks[1:], strict=True):
        assert note.bends
        bends = [message.pitch for message in track if message.type == "pitchwheel"]
        assert bends[:1] == ([round(note.bends[0] * 4096 / 3)] if note.bends[0] else [])


def test_pitches_that_share_a_channel_do_not_bend_each_other() -> None:
    data = encode(chord(16), 120.0, multiple=True)

    by_channel = defaultdict(set)
    for _, message in messages(data):
        if message.type == "note_on":
            by_channel[message.channel].add(message.note)
    bent = {message.channel for _, message in messages(data) if message.type == "pitchwheel"}
    assert sorted(map(len, by_channel.values())) == [1] * 14 + [2]
    assert all(len(by_channel[channel]) == 1 for channel in bent)


def test_a_pitch_struck_again_ends_first() -> None:
    notes = [Note(0.0, 2.0, 60, 1.0), Note(1.0, 1.5, 60, 0.5), Note(1.0, 1.2, 60, 0.1)]

    played = [
        (tick, message.type, message.velocity)
        for tick, message in messages(encode(notes, 60.0))
        if message.type in ("note_on", "note_off")
    ]

    assert played == [
        (0, "note_on", 127),
        (960, "note_off", 64),
        (960, "note_on", 64),
        (1440, "note_off", 64),
    ]


@pytest.mark.parametrize("multiple", [False, True])
def test_every_track_has_a_name(multiple: bool) -> None:
    data = encode_score([Note(0.0, 1.0, 60, 1.0)], Score(multiple_pitch_bends=multiple))

    assert [track.name for track in read(data).tracks] == ["Notes", "C4" if multiple else "Notes"]
    assert len(pretty_midi.PrettyMIDI(io.BytesIO(data)).instruments) == 1


@pytest.mark.parametrize(("program", "channel"), [(5, 1), (1, 16), (128, 2)])
def test_instrument_and_channel_are_chosen(program: int, channel: int) -> None:
    note = Note(0.0, 1.0, 60, 1.0, (1, 2, 3))
    data = encode_score([note], Score(program=program, channel=channel))

    assert {message.channel for _, message in messages(data)} == {channel - 1}
    (instrument,) = pretty_midi.PrettyMIDI(io.BytesIO(data)).instruments
    assert instrument.program == program - 1
    assert not instrument.is_drum


def test_the_tenth_channel_is_for_drums() -> None:
    data = encode_score([Note(0.0, 1.0, 60, 1.0)], Score(channel=10))

    (instrument,) = pretty_midi.PrettyMIDI(io.BytesIO(data)).instruments
    assert instrument.is_drum


def test_there_is_one_track_of_notes_unless_more_are_asked_for() -> None:
    apart, together = (len(read(encode(chord(5), 120.0, multiple=each)).tracks) for each in (1, 0))

    assert (apart, together) == (6, 2)


def test_the_faintest_note_is_still_a_note() -> None:
    assert Note(0.0, 1.0, 60, 0.001).velocity == 1
    assert Note(0.0, 1.0, 60, 1.0).velocity == 127


@pytest.mark.parametrize("multiple", [False, True])
def test_no_notes_make_a_file_too(multiple: bool) -> None:
    midi = pretty_midi.PrettyMIDI(io.BytesIO(encode([], 90.0, multiple=multiple)))

    assert [instrument.notes for instrument in midi.instruments] in ([], [[]])
    assert midi.get_tempo_changes()[1] == pytest.approx([90.0], rel=1e-5)


@pytest.mark.parametrize("tempo_bpm", [4.0, 90.0, 960.0])
def test_three_hours_stay_in_time(tempo_bpm: float) -> None:
    notes = [Note(60.0 * minute, 60.0 * minute + 0.5, 60, 0.5) for minute in range(180)]

    ticks = [
        tick for tick, message in messages(encode(notes, tempo_bpm)) if message.type == "note_on"
    ]
    file = read(encode(notes, tempo_bpm))

    tick_seconds = file.tracks[0][1].tempo / 1e6 / file.ticks_per_beat
    assert [tick * tick_seconds for tick in ticks] == pytest.approx(
        [note.start for note in notes], abs=6e-4
    )
    assert all(earlier < later for earlier, later in pairwise(ticks))
