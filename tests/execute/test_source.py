from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from neuralib.errors import InputNotFound
from neuralib.execute import Source
from neuralib.execute.separate import run_separate
from neuralib.execute.sink import FolderSink
from neuralib.progress import Progress
from neuralib.tasks import SeparateTask
from tests.audio_files import tone, write_wav
from tests.execute.engines import Gains, alone

TASK = SeparateTask()


class Shifted(Gains):
    """Shows in its stems what it was told about the level."""

    def separate(self, blocks, normalisation, stems, **options):  # type: ignore[no-untyped-def]
        level = np.float32(normalisation.mean + normalisation.std)
        return super().separate(
            (block * level for block in blocks), normalisation, stems, **options
        )


def run(source: Source, folder: Path, engine: Gains) -> list[str]:
    """Run a task; give the stages that it went through."""
    stages: list[str] = []

    def report(progress: Progress) -> None:
        if progress.stage not in stages:
            stages.append(progress.stage)

    with FolderSink(folder) as sink:
        run_separate(TASK, source, sink, report, engine, alone())
    return stages


def test_what_was_measured_is_not_measured_again_and_gives_the_same(tmp_path: Path) -> None:
    song = write_wav(tmp_path / "song.wav", tone(1.0) + np.float32(0.1))
    engine = Shifted(vocals=0.5)
    first = Source(song, "song")
    assert run(first, tmp_path / "a", engine) == ["measure", "run", "write"]
    second = Source(song, "again", findings=first.findings)
    assert run(second, tmp_path / "b", engine) == ["run", "write"]
    assert (tmp_path / "a/vocals.wav").read_bytes() == (tmp_path / "b/vocals.wav").read_bytes()


def test_another_stream_or_another_model_is_measured_by_itself(tmp_path: Path) -> None:
    song = write_wav(tmp_path / "song.wav", tone(1.0))
    first = Source(song, "song")
    run(first, tmp_path / "a", Gains(vocals=0.5))
    slow = Gains(vocals=0.5)
    slow.sample_rate = 22050
    assert "measure" in run(Source(song, "s", findings=first.findings), tmp_path / "b", slow)
    numbered = Source(song, "s", stream=1, findings=first.findings)
    assert "measure" in run(numbered, tmp_path / "c", Gains(vocals=0.5))


def test_a_source_made_by_itself_remembers_nothing_of_others(tmp_path: Path) -> None:
    song = write_wav(tmp_path / "song.wav", tone(1.0))
    for folder in ("a", "b"):
        stages = run(Source(song, "song"), tmp_path / folder, Gains(vocals=0.5))
        assert "measure" in stages


@pytest.mark.skipif(sys.platform == "win32", reason="Windows keeps the names of open files")
def test_the_findings_keep_the_header_and_nothing_open(tmp_path: Path) -> None:
    song = write_wav(tmp_path / "song.wav", tone(1.0))
    source = Source(song, "song")
    with source.opened(22050, 1) as recording:
        song.unlink()
        assert source.probe() == recording.info
        assert sum(block.shape[1] for block in recording.blocks) == 22050
    assert source.findings.infos == {None: recording.info}
    with pytest.raises(InputNotFound), source.opened(22050, 1):
        pass  # a file that is gone is not read out of what is kept
