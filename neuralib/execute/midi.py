"""Run a `MidiTask`: blocks, activations, notes, files."""

from __future__ import annotations

from functools import partial

from neuralib.engines.base import PitchTracker
from neuralib.execute.room import check_temporary_room
from neuralib.execute.sink import Sink
from neuralib.execute.source import Source
from neuralib.execute.watch import Watch
from neuralib.midi.beats import find_tempo
from neuralib.midi.create import create_notes
from neuralib.midi.encode import encode_notes
from neuralib.midi.quantize import quantize
from neuralib.midi.recorder import BYTES_A_SECOND, MOST_SECONDS_IN_MEMORY
from neuralib.midi.score import Score
from neuralib.midi.tempo import Tempo
from neuralib.progress import Progress, Report
from neuralib.tasks import MidiTask

_NOTES_SECONDS_A_SECOND = 4e-4
"""Time that a second of music takes after the model, about: it depends on how many notes there are,
and is a twentieth of the model's on a processor."""


def run_midi(
    task: MidiTask, source: Source, sink: Sink, report: Report, engine: PitchTracker
) -> float:
    """Write the notes of `source` in every format of the task; return its length in seconds."""
    with source.opened(engine.sample_rate, 1) as recording:
        seconds = recording.info.seconds
        if (seconds or 0.0) > MOST_SECONDS_IN_MEMORY:
            check_temporary_room(source, BYTES_A_SECOND, "activations")
        later = partial(float, _NOTES_SECONDS_A_SECOND * (seconds or 0.0))
        watch = Watch(report, "run", engine.sample_rate, seconds, later)
        activations = engine.track(watch(recording.blocks))
    report(Progress("write", 0.0, watch.seconds))
    notes = create_notes(activations, task)
    bpm = task.tempo_bpm
    tempo = find_tempo(activations, task.clock) if isinstance(bpm, str) else Tempo.of(bpm)
    if task.quantize is not None:
        notes = quantize(notes, task.quantize, tempo)
    score = Score(
        tempo=tempo,
        program=task.program,
        channel=task.channel,
        multiple_pitch_bends=task.multiple_pitch_bends,
    )
    for format in task.formats:
        sink.put("notes", f"{source.name}.{format}", encode_notes(notes, format, score))
    report(Progress("write", watch.seconds, watch.seconds))
    return watch.seconds
