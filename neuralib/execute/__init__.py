"""`execute(task, source, sink, report, engines)`: the only code that runs a task."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

from neuralib.audio.encode import check_encoder
from neuralib.engines.base import Engine, PitchTracker, Recogniser, Separator
from neuralib.engines.device import memory_told
from neuralib.engines.pool import Engines
from neuralib.execute.midi import run_midi
from neuralib.execute.names import artifact_kind, expected_names
from neuralib.execute.separate import run_separate, wanted_stems
from neuralib.execute.sink import Artifact, Sink
from neuralib.execute.source import Source
from neuralib.execute.stem_format import check_rate
from neuralib.execute.transcribe import run_transcribe
from neuralib.execute.turn import Turn
from neuralib.midi.beats import check_beat_tracker
from neuralib.progress import Progress, Report
from neuralib.tasks import MidiTask, SeparateTask, TranscribeTask

__all__ = [
    "Artifact",
    "Result",
    "Sink",
    "Source",
    "artifact_kind",
    "check",
    "check_fit",
    "execute",
    "expected_names",
]


@dataclass(frozen=True)
class Result:
    """What a finished run made, and how."""

    artifacts: tuple[Artifact, ...]
    audio_seconds: float
    """Length of the input."""
    seconds: float
    """Time that the run took, without loading the model or waiting for other runs."""
    model: str
    device: str
    precision: str
    runtime: str | None = None
    """The library that computed; None: not known."""
    gain_db: float | None = None
    """Gain that all stems were written with so that none clips; 0: none; None: no stems."""


def check(task: SeparateTask | MidiTask | TranscribeTask) -> None:
    """Make sure, before any computing, that the results of `task` can be written here.

    Raises:
        UsageError: where its format cannot hold what it asks for.
        EncoderMissing: where its format cannot be encoded.
        EngineMissing: where the beats that a MidiTask wants cannot be found.
    """
    if isinstance(task, MidiTask) and task.tempo_bpm == "auto":
        check_beat_tracker()
    if isinstance(task, SeparateTask):
        check_rate(task)
        check_encoder(task.format, task.bit_depth or 16)


def check_fit(task: SeparateTask | MidiTask | TranscribeTask, engine: Engine) -> None:
    """Make sure, before any computing, that the loaded model can do what `task` asks for.

    Raises:
        UsageError: where it lacks a stem or a language.
    """
    if isinstance(task, SeparateTask) and isinstance(engine, Separator):
        wanted_stems(task, engine.sources)
    if isinstance(task, TranscribeTask) and isinstance(engine, Recogniser):
        engine.check(task)


def execute(
    task: SeparateTask | MidiTask | TranscribeTask,
    source: Source,
    sink: Sink,
    report: Report,
    engines: Engines,
) -> Result:
    """Run `task` on `source` and put the results into `sink`.

    The results appear together when all of them are complete; where the run fails or is
    interrupted, none of them does. The input is never replaced by a result. Several threads may
    call it with the same engines: runs then read and write beside the one that computes, and
    those of pitch trackers compute together too.

    Raises:
        NeuraLibError: of the kind that tells what failed: the input, the model, the output.
    """
    report(Progress("load"))
    engine = engines.get(task)
    started = time.perf_counter()
    sink.spared = source.path
    source = replace(source, stream=task.stream)
    gain_db = None
    turn = Turn(engine.turn)
    with memory_told(), sink:
        if isinstance(task, SeparateTask):
            assert isinstance(engine, Separator)
            separated = run_separate(task, source, sink, report, engine, turn)
            audio_seconds, gain_db = separated.audio_seconds, separated.gain_db
        elif isinstance(task, MidiTask):
            assert isinstance(engine, PitchTracker)
            audio_seconds = run_midi(task, source, sink, report, engine)
        else:
            assert isinstance(engine, Recogniser)
            audio_seconds = run_transcribe(task, source, sink, report, engine, turn)
    return Result(
        artifacts=sink.artifacts,
        audio_seconds=audio_seconds,
        seconds=time.perf_counter() - started - turn.waited_seconds,
        model=task.model,
        device=engine.placement.device,
        precision=engine.placement.precision,
        runtime=engine.runtime,
        gain_db=gain_db,
    )
