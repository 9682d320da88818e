"""The task's limits reach the subtitles, and nothing else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from neuralib.engines.base import Recogniser
from neuralib.engines.device import Placement
from neuralib.execute.sink import FolderSink
from neuralib.execute.source import Source
from neuralib.execute.transcribe import run_transcribe
from neuralib.models.files import ModelFiles
from neuralib.progress import Report, silent
from neuralib.tasks import TranscribeTask
from neuralib.transcript.transcript import Segment, Transcript
from tests.execute.engines import alone

TEXT = "We follow the river under silver light, and every summer I remember your garden"


class Knowing(Recogniser):
    """Says the same about everything."""

    def load(self) -> None:
        pass

    def check(self, task: TranscribeTask) -> str | None:
        return None

    def transcribe(
        self, samples: NDArray[np.float32], task: TranscribeTask, report: Report
    ) -> Transcript:
        return Transcript("en", (Segment(0.0, 1.0, TEXT),))


def written(folder: Path, task: TranscribeTask) -> dict[str, str]:
    soundfile.write(folder / "song.wav", np.zeros(4410), 44_100)
    engine = Knowing(ModelFiles("knowing", ()), Placement("cpu", "fp32"))
    with FolderSink(folder / "out") as sink:
        run_transcribe(task, Source(folder / "song.wav", "song"), sink, silent, engine, alone())
    return {path.suffix: path.read_text("utf-8") for path in (folder / "out").iterdir()}


def stages(source: Source, folder: Path) -> set[str]:
    """Run a task; give the stages that it went through."""
    engine = Knowing(ModelFiles("knowing", ()), Placement("cpu", "fp32"))
    found: set[str] = set()
    with FolderSink(folder) as sink:
        seconds = run_transcribe(
            TranscribeTask(), source, sink, lambda told: found.add(told.stage), engine, alone()
        )
    assert seconds == 0.1
    return found


def test_a_recording_that_was_read_is_not_read_again(tmp_path: Path) -> None:
    song = tmp_path / "song.wav"
    soundfile.write(song, np.zeros(4410), 44_100)
    first = Source(song, "song")
    assert stages(first, tmp_path / "a") == {"measure"}
    assert stages(Source(song, "again", findings=first.findings), tmp_path / "b") == set()
    assert stages(Source(song, "song"), tmp_path / "c") == {"measure"}


def test_subtitles_have_two_lines_of_42_columns_unless_told_otherwise(tmp_path: Path) -> None:
    files = written(tmp_path, TranscribeTask(formats=("srt", "vtt", "txt")))
    cue = "We follow the river under silver light,\nand every summer I remember your garden\n"
    assert files[".srt"] == f"1\n00:00:00,000 --> 00:00:03,900\n{cue}\n"
    assert files[".vtt"] == f"WEBVTT\n\n00:00.000 --> 00:03.900\n{cue}\n"
    assert files[".txt"] == f"{TEXT}\n"


def test_limits_are_the_tasks(tmp_path: Path) -> None:
    limits = TranscribeTask(max_line_width=30, max_line_count=1, formats=("srt",))
    lines = written(tmp_path, limits)[".srt"].split("\n\n")
    assert [line.splitlines()[2] for line in lines if line] == [
        "We follow the river under",
        "silver light, and every",
        "summer I remember your garden",
    ]


def test_nothing_is_limited_where_0_is_given(tmp_path: Path) -> None:
    free = TranscribeTask(max_line_width=0, max_reading_speed=0, formats=("srt",))
    assert written(tmp_path, free)[".srt"] == f"1\n00:00:00,000 --> 00:00:01,000\n{TEXT}\n\n"
