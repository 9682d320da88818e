"""The benchmarks measure what they say, go on where they stopped, and keep no wrong round."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.__main__ import compete
from benchmarks.goals import FLOP, GOALS, PAIRS
from benchmarks.page import page
from benchmarks.process import Cost, measure
from benchmarks.results import Results
from benchmarks.rows import ROWS
from benchmarks.work import Work
from tests.conftest import ROOT

MACHINE = {"processor": "one of ours", "cores": 2}
KEY = "midi 10 all"


@pytest.fixture
def results(tmp_path: Path) -> Results:
    kept = Results(tmp_path / "kept" / "results.json")
    kept.begin(MACHINE, {"neuralib": {"neuralib": "1"}})
    return kept


def make_work(order: list[str], agreement: float = 1.0) -> Work:
    """Give work by two programs that take 6 s and 2 s, and note their turns."""

    def run(name: str, seconds: float) -> Cost:
        order.append(name)
        return Cost(seconds, seconds, 100.0)

    return Work(
        "Ten seconds.",
        10.0,
        {"basic-pitch": lambda: run("basic-pitch", 6.0), "neuralib": lambda: run("neuralib", 2.0)},
        lambda: {"neuralib": agreement},
        "F1",
        {"neuralib": 0.995},
    )


def test_programs_take_turns_and_a_second_run_goes_on(results: Results) -> None:
    order: list[str] = []
    for rounds in (1, 3, 3):
        compete(Results(results.path), KEY, "midi", make_work(order), rounds, "all")
    assert order == ["basic-pitch", "neuralib"] * 3
    (work,) = json.loads(results.path.read_text())["works"].values()
    assert [each["costs"]["neuralib"]["seconds"] for each in work["rounds"]] == [2.0] * 3


def test_a_round_that_does_not_agree_is_not_kept(results: Results) -> None:
    with pytest.raises(RuntimeError, match=r"neuralib gives something else: 0.9 F1, where 0.995"):
        compete(results, KEY, "midi", make_work([], 0.9), 1, "all")
    kept = json.loads(results.path.read_text()).get("works", {})
    assert all(not work["rounds"] for work in kept.values())


def test_another_machine_is_refused(results: Results) -> None:
    with pytest.raises(SystemExit, match="another machine"):
        Results(results.path).begin({**MACHINE, "cores": 64}, {})


def test_another_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "notes.json"
    path.write_text('{"notes": []}')
    with pytest.raises(SystemExit, match="name another file"):
        Results(path)


def test_page_tells_median_and_spread_of_ratios_in_a_round(results: Results) -> None:
    results.work(KEY, row="midi", isa="all", audio_seconds=10.0, about="Notes.", unit="F1")
    for theirs, ours in ((6.0, 2.0), (4.0, 2.0), (20.0, 4.0)):
        costs = {"basic-pitch": Cost(theirs, 1.0, 300.0), "neuralib": Cost(ours, 1.0, 100.0)}
        results.add_round(KEY, costs, {"neuralib": 1.0}, at="then", load=0.1)
    results.put("flop", "basic-pitch", 0.5)
    results.put("speed", "fp32 all", 25)
    text = page(results.data)
    assert "| basic-pitch | 5 | 3.00 (2.00 to 5.00) | 100 MB, theirs 300 MB | no |" in text
    # 10 s of 0.5 GFLOP each at 25 GFLOP/s are 0.2 s, a tenth of the median of ours.
    assert "10 % (fp32)" in text


def test_with_fewer_instructions_nothing_must_be_slower(results: Results) -> None:
    for isa, ours in (("avx2", 5.0), ("avx512", 8.0)):
        key = f"midi 10 {isa}"
        results.work(key, row="midi", isa=isa, audio_seconds=10.0, about="Notes.", unit="F1")
        costs = {"basic-pitch": Cost(6.0, 1.0, 300.0), "neuralib": Cost(ours, 1.0, 100.0)}
        results.add_round(key, costs, {"neuralib": 1.0}, at="then", load=0.1)
    text = page(results.data)
    assert "| basic-pitch | 1 | 1.20 (1.20 to 1.20) | 100 MB, theirs 300 MB | yes |" in text
    assert "| basic-pitch | 1 | 0.75 (0.75 to 0.75) | 100 MB, theirs 300 MB | no |" in text


def test_goals_are_of_rows_that_can_be_measured() -> None:
    assert {goal.row for goal in GOALS} == set(ROWS)
    assert set(FLOP) <= set(ROWS)
    assert {goal.theirs: goal.ours for goal in GOALS if goal.row != "separate"}.items() <= {
        **PAIRS,
        None: "neuralib",
    }.items()


@pytest.mark.parametrize("path", sorted((ROOT / "docs").glob("benchmarks.json")))
def test_the_committed_page_is_that_of_the_committed_results(path: Path) -> None:
    data = json.loads(path.read_text(encoding="utf-8"))
    assert path.with_suffix(".md").read_text(encoding="utf-8") == page(data)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the largest process is told")
def test_memory_is_that_of_all_processes_together(tmp_path: Path) -> None:
    child = "import time; held = b'x' * 150_000_000; time.sleep(1)"
    start = f"subprocess.run([sys.executable, '-c', {child!r}])"
    parent = f"import subprocess, sys; held = b'x' * 100_000_000; {start}"
    cost = measure([sys.executable, "-c", parent], tmp_path)
    assert 250 < cost.peak_mb < 350


@pytest.mark.skipif(sys.platform == "win32", reason="costs are what POSIX tells of a process")
def test_the_command_measures_us_where_no_peer_is_installed(tmp_path: Path) -> None:
    kept, written = tmp_path / "results.json", tmp_path / "page.md"
    words = ["--rows", "startup", "--without", "basic-pitch", "--rounds", "1", "--seconds", "1"]
    files = ["--peers", str(tmp_path), "--resume", str(kept), "--write", str(written)]
    subprocess.run(
        [sys.executable, "-m", "benchmarks", *words, *files],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        check=True,
        capture_output=True,
    )
    assert len(json.loads(kept.read_text())["works"]["startup 1 all"]["rounds"]) == 1
    assert "| neuralib |" in written.read_text(encoding="utf-8")
