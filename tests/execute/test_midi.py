"""Notes are made when the model has heard everything, and that takes time too."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from neuralib.audio.block import Block
from neuralib.engines.device import Placement
from neuralib.execute.midi import run_midi
from neuralib.execute.sink import FolderSink
from neuralib.execute.source import Source
from neuralib.midi.activations import Activations
from neuralib.models.files import ModelFiles
from neuralib.progress import Progress, silent
from neuralib.tasks import MidiTask
from tests.audio_files import noise, write_wav
from tests.execute.engines import Deaf


def test_what_comes_after_the_model_is_part_of_the_whole(tmp_path: Path) -> None:
    song = write_wav(tmp_path / "song.wav", noise(8000 * 30), 8000)
    engine = Deaf(ModelFiles("deaf", ()), Placement("cpu", "fp32"))
    seen: list[Progress] = []
    with FolderSink(tmp_path / "out") as sink:
        seconds = run_midi(MidiTask(), Source(song, "song"), sink, seen.append, engine)
    run = [each for each in seen if each.stage == "run"]
    write = [each for each in seen if each.stage == "write"]
    assert seen == run + write
    assert all(each.later_seconds > 0 for each in run)
    assert (write[0].fraction, write[-1].fraction) == (0.0, 1.0)
    assert write[-1].later_seconds == 0
    assert write[-1].done_seconds == seconds


@pytest.mark.skipif(sys.platform == "win32", reason="Windows keeps the names of open files")
def test_a_clip_is_opened_once(tmp_path: Path) -> None:
    song = write_wav(tmp_path / "song.wav", noise(44100), 44100)

    class Alone(Deaf):
        def track(self, blocks: Iterable[Block]) -> Activations:
            song.unlink()
            return super().track(blocks)

    engine = Alone(ModelFiles("deaf", ()), Placement("cpu", "fp32"))
    with FolderSink(tmp_path / "out") as sink:
        assert run_midi(MidiTask(), Source(song, "song"), sink, silent, engine) == 1.0
