"""Notes as a Standard MIDI File."""

from __future__ import annotations

import io
import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import TypeAlias

from mido import Message, MetaMessage, MidiFile, MidiTrack

from neuralib.midi.bends import BENDS_A_SEMITONE, drop_overlapping_bends
from neuralib.midi.notes import Note
from neuralib.midi.tempo import Tempo

_CHANNELS = [channel for channel in range(16) if channel != 9]  # the tenth is for drums
_BEND_RANGE_SEMITONES = 2
_WHEEL_LIMIT = 8192

# The grid of sequencers; all common note lengths are whole numbers of its ticks.
_GRID = 480
# Times are true to half of this, and to three quarters of it before the first beat. Not finer than
# needed: a file of more than ten million ticks, here of three hours, is a damaged one to some
# readers.
_LONGEST_TICK_MICROSECONDS = 1100

# Not the input's name: a result that a cluster remembers belongs to the bytes of a recording, which
# may come under another name again.
_TRACK_NAME = "Notes"

# The order of what happens at the same tick.
_SETUP, _OFF, _RESET, _BEND, _ON = range(5)

_Event: TypeAlias = "tuple[int, int, Message | MetaMessage]"
"""Tick, order within the tick, message."""


@dataclass(frozen=True)
class Score:
    """How notes are to be written, beside the notes."""

    tempo: Tempo = field(default_factory=lambda: Tempo.of(120.0))
    program: int = 5
    """Instrument, 1 to 128 as General MIDI numbers them."""
    channel: int = 1
    """Channel of the one track of notes, 1 to 16."""
    multiple_pitch_bends: bool = False
    """A track a pitch, each on a channel of its own as far as they go."""


def encode_score(notes: Iterable[Note], score: Score) -> bytes:
    """Write notes as a Standard MIDI File of format 1, its first track being the tempo.

    The notes keep their times in seconds, to 0.6 ms, whatever the tempo is: it says how many
    quarter notes fit into them. A bend is back at 0 where its note ends, so that no other note
    is out of tune. A note ends at the latest where its pitch is struck again.

    Args:
        notes: in any order.
        score: with `multiple_pitch_bends` each pitch has its own track, so that notes that sound
            together can bend. Without it all are on one track, and only notes that sound alone
            bend. There are 15 channels for up to 88 tracks: the 1st, 16th, ... pitch share a
            channel, and notes that sound together there lose their bends.
    """
    clock = _Clock.of(score.tempo)
    file = MidiFile(type=1, ticks_per_beat=clock.ticks_per_quarter)
    file.tracks.append(_conductor(clock))
    if score.multiple_pitch_bends:
        parts = _one_part_a_pitch(notes)
    else:
        parts = [_Part(_TRACK_NAME, score.channel - 1, drop_overlapping_bends(notes))]
    file.tracks.extend(_encode_part(part, score.program - 1, clock) for part in parts)
    buffer = io.BytesIO()
    file.save(file=buffer)
    return buffer.getvalue()


@dataclass(frozen=True)
class _Clock:
    """Turns seconds into ticks."""

    tempo: Tempo
    ticks_per_quarter: int

    @classmethod
    def of(cls, tempo: Tempo) -> _Clock:
        shortest = _GRID * _LONGEST_TICK_MICROSECONDS
        return cls(tempo, math.ceil(tempo.microseconds_per_quarter / shortest) * _GRID)

    @property
    def first_beat(self) -> int:
        """Tick of the first beat."""
        return round(self.tempo.pickup_quarters * self.ticks_per_quarter)

    def tick(self, seconds: float) -> int:
        return self.first_beat + round(self.tempo.quarter_at(seconds) * self.ticks_per_quarter)


def _conductor(clock: _Clock) -> MidiTrack:
    """Give the track of the tempo: the bar before the first beat has a tempo of its own."""
    tempo = clock.tempo
    track = MidiTrack([MetaMessage("track_name", name=_TRACK_NAME)])
    if clock.first_beat:
        numerator, denominator = tempo.pickup
        track += _bars(tempo.pickup_microseconds_per_quarter, numerator, denominator, 0)
    track += _bars(tempo.microseconds_per_quarter, 4, 4, clock.first_beat)
    return track


def _bars(microseconds: int, numerator: int, denominator: int, ticks: int) -> list[MetaMessage]:
    """Change tempo and time signature, so many ticks after what came before."""
    return [
        MetaMessage("set_tempo", tempo=microseconds, time=ticks),
        MetaMessage("time_signature", numerator=numerator, denominator=denominator),
    ]


@dataclass(frozen=True)
class _Part:
    """What is on one track."""

    name: str
    channel: int
    notes: Sequence[Note]


def _one_part_a_pitch(notes: Iterable[Note]) -> list[_Part]:
    by_pitch = defaultdict(list)
    for note in notes:
        by_pitch[note.pitch].append(note)
    pitches = sorted(by_pitch)
    parts = {}
    for index, channel in enumerate(_CHANNELS):
        sharing = pitches[index :: len(_CHANNELS)]
        kept = drop_overlapping_bends(note for pitch in sharing for note in by_pitch[pitch])
        for pitch in sharing:
            own = [note for note in kept if note.pitch == pitch]
            parts[pitch] = _Part(own[0].name, channel, own)
    return [parts[pitch] for pitch in pitches]


def _encode_part(part: _Part, program: int, clock: _Clock) -> MidiTrack:
    events = [(0, _SETUP, message) for message in _setup(part, program)]
    events += _strikes(part, clock)
    events.sort(key=lambda event: event[:2])
    now = 0
    for tick, _, message in events:
        message.time = tick - now
        now = tick
    return MidiTrack(message for _, _, message in events)


def _setup(part: _Part, program: int) -> Iterator[Message | MetaMessage]:
    yield MetaMessage("track_name", name=part.name)
    yield Message("program_change", channel=part.channel, program=program)
    # Registered parameter 0 is the range of bends; 127, 127 selects none, against accidents.
    for control, value in ((101, 0), (100, 0), (6, _BEND_RANGE_SEMITONES), (38, 0)):
        yield Message("control_change", channel=part.channel, control=control, value=value)
    for control in (101, 100):
        yield Message("control_change", channel=part.channel, control=control, value=127)


def _strikes(part: _Part, clock: _Clock) -> Iterator[_Event]:
    ordered = sorted(part.notes, key=lambda note: (note.pitch, note.start, note.end))
    for note, following in zip_longest(ordered, ordered[1:]):
        start = clock.tick(note.start)
        end = max(clock.tick(note.end), start + 1)
        if following is not None and following.pitch == note.pitch:
            end = min(end, clock.tick(following.start))
        if start < end:  # else the same pitch is struck again at once
            pitch = {"channel": part.channel, "note": note.pitch}
            yield start, _ON, Message("note_on", velocity=note.velocity, **pitch)
            yield end, _OFF, Message("note_off", **pitch)
            yield from _bends(note, part.channel, clock, end)


def _bends(note: Note, channel: int, clock: _Clock, end: int) -> Iterator[_Event]:
    """Yield the changes of the bend, and its return to 0 at tick `end`."""
    bends = note.bends or ()
    step_seconds = (note.end - note.start) / max(len(bends), 1)
    current = 0
    for index, thirds in enumerate(bends):
        if thirds != current:
            tick = clock.tick(note.start + index * step_seconds)
            if tick >= end:
                break
            yield tick, _BEND, Message("pitchwheel", channel=channel, pitch=_wheel(thirds))
            current = thirds
    if current:
        yield end, _RESET, Message("pitchwheel", channel=channel, pitch=0)


def _wheel(thirds: int) -> int:
    """Turn a bend into the wheel's position; beyond the range the wheel stays at its end."""
    position = round(thirds / BENDS_A_SEMITONE / _BEND_RANGE_SEMITONES * _WHEEL_LIMIT)
    return min(max(position, -_WHEEL_LIMIT), _WHEEL_LIMIT - 1)
