"""The bars of a batch: one for all inputs, and one for each that takes its time."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest
from rich.console import Console
from rich.progress import Progress as Bar

from neuralib.cli.batch import overview
from neuralib.cli.batch.inputs import Input
from neuralib.progress import Progress
from tests.audio_files import tone, write_wav
from tests.cli.cluster.test_commands import read_until
from tests.cli.cluster.test_terminal import terminal

CLIPS = 12


class Clock:
    """Time that passes where a test says so."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(overview, "time", clock)
    return clock


@pytest.fixture
def bar() -> Bar:
    return Bar(console=Console(file=io.StringIO()))


def make_inputs(folder: Path, *sizes: int) -> list[Input]:
    inputs = []
    for number, size in enumerate(sizes):
        path = folder / f"song{number}.wav"
        path.write_bytes(bytes(size))
        inputs.append(Input(str(path), path, path.stem))
    return inputs


def test_time_left_goes_by_bytes_without_what_was_skipped(
    tmp_path: Path, clock: Clock, bar: Bar
) -> None:
    inputs = make_inputs(tmp_path, 50_000, 1000, 3000, 6000)
    shown = overview.Overview(bar, inputs)
    with shown.input(0):
        pass  # its results exist
    with shown.input(1) as report:
        report(Progress("run", 0.0, 1.0))
        clock.now += 2
    (all_,) = bar.tasks
    assert all_.fields["verb"] == "2/4"
    assert all_.fields["left"] == "0:18 left"  # 1000 bytes took 2 s
    assert all_.percentage == pytest.approx(85)


def test_only_what_takes_long_has_a_bar_of_its_own(tmp_path: Path, clock: Clock, bar: Bar) -> None:
    shown = overview.Overview(bar, make_inputs(tmp_path, 10, 10))
    with shown.input(0) as first, shown.input(1) as second:
        first(Progress("run", 1.0, 100.0))
        assert [task.description for task in bar.tasks] == ["song0.wav"]
        clock.now += 5
        first(Progress("run", 50.0, 100.0))
        second(Progress("measure", 100.0, 100.0))  # then it waits for its turn
        clock.now += 5
        first(Progress("run", 90.0, 100.0))
        all_, own = bar.tasks
        assert all_.description == "song1.wav"
        assert own.description.startswith("1/2 ")
    assert bar.tasks == [all_]


def test_nothing_is_drawn_where_there_is_no_terminal(tmp_path: Path) -> None:
    inputs = make_inputs(tmp_path, 1, 1)
    with overview.overview(inputs, enabled=True) as shown, shown.input(0) as report:
        report(Progress("run"))


def test_paths_are_not_mixed_with_the_bar(environment: dict[str, str], tmp_path: Path) -> None:
    for number in range(CLIPS):
        write_wav(tmp_path / f"clip{number:02}.wav", tone(1.0))
    words = ["midi", *(f"clip{number:02}.wav" for number in range(CLIPS)), "-o", "out"]
    with terminal(environment, tmp_path, *words) as (ours, running):
        shown = read_until(ours, None).decode()
        assert running.wait() == 0
    plain = re.sub(r"\x1b\[(\?25[hl]|[\d;]*m)", "", shown)
    before = re.findall(r"([^\r\n]*)(out/clip\d\d)\.mid\r\n", plain)
    assert [path for _, path in before] == [f"out/clip{number:02}" for number in range(CLIPS)]
    assert {text.rpartition("\x1b[2K")[2] for text, _ in before} == {""}
    bars = [line for line in re.split(r"[\r\n]|\x1b\[\d*[AK]", plain) if "━" in line]
    assert any(f"/{CLIPS} " in line for line in bars)
    assert max(map(len, bars)) <= 77  # a `^C` fits beside them
    assert re.search(r"12 done; 12\.0 s of audio in .* s \(.*x\)\s*$", plain)
