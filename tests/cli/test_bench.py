"""`neuralib bench` says how fast this machine is."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from neuralib.engines.pool import engine_class
from neuralib.tasks import SeparateTask
from tests.conftest import HTDEMUCS, MICRO, NEURALIB, ROOT, WHISPER, Command


def test_each_task_runs_as_auto_does_and_in_float32(neuralib: Command) -> None:
    tasks = ["--tasks", "midi,separate", "--seconds", "2"]
    done = neuralib("bench", *tasks, "--model", HTDEMUCS, "--json")
    assert done.status == 0, done.stderr
    rows = done.records
    best = engine_class(SeparateTask()).place("auto", "auto").precision
    stems = [row for row in rows if row["task"] == "separate"]
    assert [row["is_auto"] for row in stems] == [True] + [False] * (len(stems) - 1)
    assert stems[0]["precision"] == best
    assert [row["agreement"] is None for row in stems] == [row["is_reference"] for row in stems]
    assert all(row["agreement"] > 30 for row in stems if not row["is_reference"])
    assert {row["precision"] for row in stems} == {best, "fp32"}
    (notes, *_) = [row for row in rows if row["task"] == "midi"]
    assert notes["model"] == "basic-pitch"
    for row in rows:
        assert row["error"] is None
        assert not row["is_random"]
        assert row["audio_seconds"] == pytest.approx(2)
        assert row["real_time_factor"] == pytest.approx(row["audio_seconds"] / row["seconds"])
        assert row["song_seconds"] > 240 / row["real_time_factor"]
        assert sys.platform == "win32" or row["peak_bytes"] > 50e6


def test_a_recording_of_ones_own_is_measured(neuralib: Command) -> None:
    words = ["--tasks", "transcribe", "--song", MICRO / "vocals.flac", "--model", WHISPER]
    done = neuralib("bench", *words)
    assert done.status == 0, done.stderr
    table = done.stdout.decode()
    assert "whisper_micro" in table
    assert "reference" in table
    assert table.count("100% words") == table.count("bf16")


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["--tasks", "midi,karaoke"], 2, "'karaoke'; the tasks are separate, midi, transcribe"),
        (["--seconds", "0.5"], 2, "it must be 1 to 3600"),
        (["--model", "nothing.pt"], 3, "nothing.pt"),
        (["--song", "nothing.wav"], 1, "nothing.wav"),
        (["--tasks", "midi", "--device", "mps", "--json"], 3, "mps"),
    ],
)
def test_what_cannot_be_measured_is_told(
    neuralib: Command, words: list[str], status: int, said: str
) -> None:
    done = neuralib("bench", *words)
    assert done.status == status
    assert said in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="sends SIGINT to one process")
def test_an_interrupted_bench_leaves_nothing(environment: dict[str, str], tmp_path: Path) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    words = ["bench", "--tasks", "separate", "--model", str(HTDEMUCS), "--seconds", "600"]
    with subprocess.Popen(
        [*NEURALIB, *words],
        env=environment | {"PYTHONPATH": str(ROOT), "TMPDIR": str(scratch)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        while not list(scratch.glob("*/song.wav")):
            assert process.poll() is None
            time.sleep(0.05)
        os.kill(process.pid, signal.SIGINT)
        out, errors = process.communicate()
    assert process.returncode == 130
    assert out == b""
    assert errors.decode().splitlines() == [
        "error: interrupted; finished results are kept, nothing is half-written"
    ]
    assert list(scratch.iterdir()) == []
