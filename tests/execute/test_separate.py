"""Separation gives stems of the whole input, or none."""

from __future__ import annotations

from pathlib import Path

import pytest
from demucs.demucs import Demucs as Network

from neuralib.engines.demucs.engine import Demucs
from neuralib.engines.device import Placement
from neuralib.engines.pool import Engines
from neuralib.errors import DecodeError, DeviceMissing, OutputError
from neuralib.execute import execute
from neuralib.execute.separate import run_separate
from neuralib.execute.sink import FolderSink
from neuralib.execute.source import Source
from neuralib.models.files import ModelFiles
from neuralib.models.store import Store
from neuralib.progress import Progress
from neuralib.tasks import SeparateTask
from tests.audio_files import noise, write_wav
from tests.demucs_checkpoints import make_model, save_safetensors
from tests.execute.engines import alone


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Demucs:
    path = tmp_path_factory.mktemp("model") / "model.safetensors"
    save_safetensors(make_model(Network, 0, channels=4, depth=2, lstm_layers=0), path)
    engine = Demucs(ModelFiles("model", (path,)), Placement("cpu", "fp32"))
    engine.load()
    return engine


@pytest.mark.parametrize("two_stems", [None, "vocals"])
def test_an_input_cut_while_it_is_read_is_told(
    tmp_path: Path, engine: Demucs, two_stems: str | None
) -> None:
    song = write_wav(tmp_path / "song.wav", noise(40_000), 8000)

    def cut(progress: Progress) -> None:
        if progress.stage == "measure" and progress.done_seconds == 5.0:
            write_wav(song, noise(30_000), 8000)

    task = SeparateTask(two_stems=two_stems)
    with (
        pytest.raises(DecodeError, match=r"song\.wav.* became shorter while it was read; .*again"),
        FolderSink(tmp_path / "out") as sink,
    ):
        run_separate(task, Source(song, "song"), sink, cut, engine, alone())
    assert not (tmp_path / "out").exists()


def test_the_input_is_not_replaced_by_a_stem(tmp_path: Path) -> None:
    model = make_model(Network, 0, channels=4, depth=2, lstm_layers=0)
    path = save_safetensors(model, tmp_path / "model.safetensors")
    (tmp_path / "songs").mkdir()
    song = write_wav(tmp_path / "songs" / "vocals.wav", noise(8000), 8000)
    before = song.read_bytes()
    engines = Engines(Store(tmp_path / "models"), "cpu")
    with pytest.raises(OutputError, match="is the input itself; choose another folder with -o"):
        execute(
            SeparateTask(model=str(path)),
            Source(song, "vocals"),
            FolderSink(song.parent),
            lambda _: None,
            engines,
        )
    assert song.read_bytes() == before
    assert list(song.parent.iterdir()) == [song]


def test_too_little_memory_is_told(tmp_path: Path) -> None:
    model = make_model(Network, 0, channels=4, depth=2, lstm_layers=0, segment=1e12)
    path = save_safetensors(model, tmp_path / "model.safetensors")
    song = write_wav(tmp_path / "song.wav", noise(8000), 8000)
    engines = Engines(Store(tmp_path / "models"), "cpu")
    sink = FolderSink(tmp_path / "out")
    with pytest.raises(DeviceMissing, match="too little free memory; close what else uses it"):
        execute(SeparateTask(model=str(path)), Source(song, "s"), sink, lambda _: None, engines)
    assert not (tmp_path / "out").exists()
