"""What a batch does and does not do again for each of its inputs."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, ClassVar

import pytest

from neuralib.audio.block import Block
from neuralib.cli.batch import run as cli_run
from neuralib.cli.batch.run import Run, run_batch
from neuralib.engines import pool
from neuralib.engines.device import onnx_devices
from neuralib.midi.activations import Activations
from tests.audio_files import tone, write_wav
from tests.execute.engines import Deaf


class Counting(Deaf):
    """Hears nothing, and counts how often."""

    runtime = "none"
    find_devices = staticmethod(onnx_devices)
    loads: ClassVar[list[object]] = []
    tracks: ClassVar[list[object]] = []

    def load(self) -> None:
        self.loads.append(self)

    def track(self, blocks: Iterable[Block]) -> Activations:
        self.tracks.append(self)
        return super().track(blocks)


@pytest.fixture
def counting(monkeypatch: pytest.MonkeyPatch) -> type[Counting]:
    table = {**pool.TABLE, "basic-pitch": (__name__, "Counting")}
    monkeypatch.setattr(pool, "TABLE", table)
    # Which log a process prints is its own matter; here it would be that of all tests.
    monkeypatch.setattr(cli_run, "listen", lambda **_: None)
    monkeypatch.setattr(Counting, "loads", [])
    monkeypatch.setattr(Counting, "tracks", [])
    return Counting


def run(folder: Path, **options: Any) -> int:
    plain: dict[str, Any] = {"device": None, "json": False, "quiet": True, "verbose": False}
    batch = Run(str(folder / "out"), **{"skip_existing": False, **plain, **options})
    return run_batch({"kind": "midi"}, [str(folder / "clips")], batch)


def make_clips(folder: Path, count: int) -> None:
    (folder / "clips").mkdir()
    for number in range(count):
        write_wav(folder / "clips" / f"clip{number}.wav", tone(0.1))


@pytest.mark.parametrize("jobs", [1, 4, None])
def test_a_model_is_loaded_once_for_all(
    tmp_path: Path, counting: type[Counting], jobs: int | None
) -> None:
    make_clips(tmp_path, 12)
    assert run(tmp_path, jobs=jobs) == 0
    assert len(list((tmp_path / "out").iterdir())) == 12
    assert (len(counting.loads), len(counting.tracks)) == (1, 12)


def test_what_is_there_is_skipped_without_a_model_or_a_look_at_the_input(
    tmp_path: Path, counting: type[Counting], capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "clips").mkdir()
    (tmp_path / "out").mkdir()
    for number in range(50):
        (tmp_path / "clips" / f"clip{number:02}.wav").write_bytes(b"nobody could read this")
        (tmp_path / "out" / f"clip{number:02}.mid").touch()
    assert run(tmp_path, skip_existing=True) == 0
    assert counting.loads == []
    told = [str(tmp_path / "out" / f"clip{number:02}.mid") for number in range(50)]
    assert capfd.readouterr().out.splitlines() == told
    (tmp_path / "out" / "clip07.mid").unlink()
    assert run(tmp_path, skip_existing=True) == 1
    assert (len(counting.loads), counting.tracks) == (1, [])
