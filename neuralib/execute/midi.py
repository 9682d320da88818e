"""Run a `MidiTask`: blocks, activations, notes, files."""

from __future__ import annotations

from neuralib.audio.decode import probe
from neuralib.audio.shape import read
from neuralib.engines.base import PitchTracker
from neuralib.execute.sink import Sink
from neuralib.execute.source import Source
from neuralib.execute.watch import Watch
from neuralib.midi.create import create_notes
from neuralib.midi.write import write_notes
from neuralib.progress import Report
from neuralib.tasks import MidiTask


def run_midi(
    task: MidiTask, source: Source, sink: Sink, report: Report, engine: PitchTracker
) -> float:
    """Write the notes of `source` in every format of the task; return its length in seconds."""
    info = probe(source.path)
    drafts = [(format, sink.create("notes", f"{source.name}.{format}")) for format in task.formats]
    watch = Watch(report, "run", engine.sample_rate, info.seconds)
    blocks = watch(read(source.path, engine.sample_rate, 1))
    notes = create_notes(engine.track(blocks), task)
    for format, path in drafts:
        write_notes(notes, path, format, task)
    return watch.seconds
