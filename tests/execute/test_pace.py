"""How long encoding will take is tried out, not guessed."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path

import pytest

from neuralib.audio.encode import open_writer
from neuralib.audio.tags import Tags
from neuralib.execute import stem_files
from neuralib.execute.pace import Pace
from neuralib.execute.separate import run_separate
from neuralib.execute.sink import FolderSink
from neuralib.execute.source import Source
from neuralib.execute.stem_files import open_stem_files
from neuralib.execute.stem_format import StemFormat
from neuralib.progress import Progress
from neuralib.tasks import SeparateTask
from tests.audio_files import noise, tone, write_wav
from tests.execute.engines import Gains, alone

RATE = 8000
OPEN = partial(open_writer, format="mp3", sample_rate=RATE, channels=2)


def test_a_trial_tells_how_long_the_whole_takes(tmp_path: Path) -> None:
    pace = Pace(RATE, OPEN)
    samples = noise(RATE * 60)
    pace.hear(samples[None, :, : RATE * 10])
    assert pace.encoding_seconds(100.0) == 0.0
    pace.hear(samples[None, :, RATE * 10 : RATE * 30])
    started = time.thread_time()
    with OPEN(tmp_path / "whole") as writer:
        for first in range(0, samples.shape[1], 65536):
            writer.write(samples[:, first : first + 65536])
    took = time.thread_time() - started
    assert pace.encoding_seconds(60.0) == pytest.approx(took, rel=0.4)
    assert 0 < pace.hashing_seconds(60.0) < took
    assert pace.encoding_seconds(600.0) == pytest.approx(10 * pace.encoding_seconds(60.0))


def test_more_cores_do_not_read_faster() -> None:
    pace = Pace(RATE, OPEN)
    pace.hear(noise(RATE * 20)[None])
    alone, two, many = (pace.encoding_seconds(60.0, together) for together in (1, 2, 1000))
    assert 0 < many < two < alone
    assert two - many == pytest.approx((alone - many) / 2, rel=0.01)


@pytest.mark.parametrize(
    ("format", "available", "share"),
    [("flac", 1, 1.0), ("flac", 2, 0.5), ("flac", 64, 1 / 3), ("wav", 64, 1.0)],
)
def test_stems_are_encoded_on_as_many_cores_as_there_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, format: str, available: int, share: float
) -> None:
    monkeypatch.setattr(stem_files, "cores", lambda: available)
    monkeypatch.setattr(Pace, "encoding_seconds", lambda _, seconds, together: seconds / together)
    monkeypatch.setattr(Pace, "hashing_seconds", lambda _, seconds: 0.0)
    shape = StemFormat(format, RATE, 2, 16)
    names = [f"{name}.{format}" for name in "abc"]
    with (
        FolderSink(tmp_path) as sink,
        open_stem_files(sink, names, shape, "rescale", Tags()) as files,
    ):
        assert files.later_seconds(10.0) == pytest.approx(30.0 * share)
        files.finish(lambda _: None)


def test_trials_get_rarer() -> None:
    opened = []

    def count(path: Path) -> object:
        opened.append(path)
        return OPEN(path)

    pace = Pace(RATE, count)  # type: ignore[arg-type]  # the writer that it gives is one
    second = tone(1.0, rate=RATE)[None].repeat(2, axis=0)
    for _ in range(200):
        pace.hear(second)
    assert len(opened) == 2 * 4  # two stems, after 20, 40, 80 and 160 s
    assert not any(path.parent.exists() for path in opened)


@pytest.mark.parametrize(("clip", "later"), [("rescale", True), ("clamp", False)])
def test_a_run_tells_what_comes_after_the_model(tmp_path: Path, clip: str, later: bool) -> None:
    song = write_wav(tmp_path / "song.wav", noise(RATE * 30), RATE)
    seen: list[Progress] = []
    engine = Gains(vocals=0.5, drums=0.25)
    task = SeparateTask.model_validate({"clip": clip})
    with FolderSink(tmp_path / "out") as sink:
        run_separate(task, Source(song, "song"), sink, seen.append, engine, alone())
    last = [each for each in seen if each.stage == "run"][-1]
    assert (last.later_seconds > 0) == later
