"""Run a `TranscribeTask`: samples, transcript, files."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from neuralib.audio.spool import Spool
from neuralib.engines.base import Recogniser
from neuralib.execute.room import check_temporary_room
from neuralib.execute.sink import Sink
from neuralib.execute.source import Source
from neuralib.execute.turn import Turn
from neuralib.execute.watch import Watch
from neuralib.progress import Report
from neuralib.tasks import TranscribeTask
from neuralib.transcript.cues import Limits
from neuralib.transcript.encode import encode_transcript

_BYTES_A_SECOND = 4 * (16_000 + 100 * 80)
"""In temporary files: samples at 16 kHz, and 100 frames of the spectrogram."""


def run_transcribe(
    task: TranscribeTask,
    source: Source,
    sink: Sink,
    report: Report,
    engine: Recogniser,
    turn: Turn,
) -> float:
    """Write the words of `source` in every format of the task; return its length in seconds.

    Whisper looks at 30 seconds at a time but chooses where each window begins from what it
    heard in the last; the samples (16 kHz mono, 230 MB an hour) therefore wait in a file.
    """
    samples = source.samples(engine.sample_rate, lambda: _read(source, engine.sample_rate, report))
    with turn.taken():
        transcript = engine.transcribe(samples, task, report)
    limits = Limits(task.max_line_width, task.max_line_count, task.max_reading_speed)
    for format in task.formats:
        data = encode_transcript(transcript, format, limits)
        sink.put("transcript", f"{source.name}.{format}", data)
    return samples.size / engine.sample_rate


def _read(source: Source, sample_rate: int, report: Report) -> NDArray[np.float32]:
    """Decode all of it into a temporary file, shape (samples,)."""
    with source.opened(sample_rate, 1) as recording:
        check_temporary_room(source, _BYTES_A_SECOND, "samples")
        watch = Watch(report, "measure", sample_rate, recording.info.seconds)
        with Spool(1, "samples") as spool:
            for block in watch(recording.blocks):
                spool.append(block.T)
            return spool.finish().reshape(-1)
