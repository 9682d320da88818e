"""Many short inputs in one command: in order, in little memory, and stopped at any moment."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import mido
import pytest

from tests.audio_files import noise, tone, write_wav
from tests.conftest import MODEL, NEURALIB, ROOT, Command


def make_clips(folder: Path, count: int) -> Path:
    """Make a folder of as many inputs, all of them the same clip of one second."""
    folder.mkdir()
    first = write_wav(folder / "clip000.wav", tone(1.0))
    for number in range(1, count):
        (folder / f"clip{number:03}.wav").hardlink_to(first)
    return folder


@contextmanager
def started(environment: dict[str, str], cwd: Path, *words: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [*NEURALIB, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=cwd,
        env=environment | {"PYTHONPATH": str(ROOT)},
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def lines(process: subprocess.Popen[str], count: int) -> list[str]:
    assert process.stdout
    return [process.stdout.readline().strip() for _ in range(count)]


def complete(folder: Path) -> dict[str, int]:
    """Give when each result was written; there is nothing else, and nothing half-written."""
    for path in folder.iterdir():
        mido.MidiFile(path)
    return written(folder)


def written(folder: Path) -> dict[str, int]:
    return {path.stem: path.stat().st_mtime_ns for path in folder.iterdir()}


def test_several_at_a_time_give_what_one_by_one_gives(neuralib: Command, tmp_path: Path) -> None:
    clips = make_clips(tmp_path / "clips", 11)
    (clips / "clip005.wav").unlink()
    (clips / "clip005.wav").write_bytes(b"no audio")
    write_wav(clips / "clip000.wav", noise(44100 * 8))  # those behind it have to wait
    told = []
    for jobs in ("1", "4"):
        done = neuralib("midi", "clips", "-o", "out", "--json", "--jobs", jobs)
        assert done.status == 1
        assert len(done.errors) == 1
        told.append([{**record, "seconds": None} for record in done.records])
        results = [path.name for path in (tmp_path / "out").iterdir()]
        assert len(results) == 10
    assert told[0] == told[1]
    assert [record["status"] == "failed" for record in told[0]].index(True) == 5


def test_songs_that_are_read_and_written_beside_each_other(
    neuralib: Command, tmp_path: Path
) -> None:
    write_wav(tmp_path / "song.wav", noise(44100 * 2))
    words = ["separate", *MODEL["separate"], *["song.wav"] * 3, "--format", "flac", "--json"]
    done = neuralib(*words, "-o", "out", "--jobs", "3")
    stems = [
        {each["name"]: each["sha256"] for each in record["outputs"]} for record in done.records
    ]
    assert [len(each) for each in stems] == [4, 4, 4], done.stderr
    assert stems == stems[:1] * 3


@pytest.mark.parametrize("jobs", ["1", "4"])
def test_a_killed_run_goes_on_where_it_was(
    neuralib: Command, environment: dict[str, str], tmp_path: Path, jobs: str
) -> None:
    make_clips(tmp_path / "clips", 24)
    words = ["midi", "clips", "-o", "out", "--jobs", jobs]
    with started(environment, tmp_path, *words) as process:
        told = lines(process, 6)
        process.kill()
    drafts = list((tmp_path / "out").glob(".*"))
    assert len(drafts) <= int(jobs)  # no more was begun and not finished
    before = {
        name: at for name, at in written(tmp_path / "out").items() if not name.startswith(".")
    }
    assert {Path(line).stem for line in told} <= before.keys()
    assert len(before) < 24
    done = neuralib(*words, "--skip-existing", "--json")
    assert done.status == 0
    status = {Path(record["input"]).stem: record["status"] for record in done.records}
    assert {name for name in status if status[name] == "skipped"} == before.keys()
    after = complete(tmp_path / "out")
    assert len(after) == 24
    assert before.items() <= after.items()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_stops_all_that_is_under_way(
    environment: dict[str, str], tmp_path: Path, number: signal.Signals
) -> None:
    make_clips(tmp_path / "clips", 60)
    with started(environment, tmp_path, "midi", "clips", "-o", "out", "--jobs", "4") as process:
        told = lines(process, 3)
        process.send_signal(number)
        rest, errors = process.communicate()
    assert process.returncode == (130 if number == signal.SIGINT else 128 + number)
    assert "Traceback" not in errors
    results = complete(tmp_path / "out")
    assert {Path(line).stem for line in [*told, *rest.split()]} <= results.keys()
    assert len(results) < 60


@pytest.mark.parametrize("task", ["separate", "midi"])
def test_a_model_that_cannot_be_loaded_is_told_once(
    neuralib: Command, tmp_path: Path, task: str
) -> None:
    make_clips(tmp_path / "clips", 5)
    model = tmp_path / ("model.safetensors" if task == "separate" else "model.onnx")
    model.write_bytes(b"this is no checkpoint")
    done = neuralib(task, "clips", "-o", "out", "--model", model, "--jobs", "3")
    assert (done.status, done.stdout) == (3, b"")
    assert len(done.errors) == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_memory_does_not_grow_with_the_number_of_inputs(
    environment: dict[str, str], tmp_path: Path
) -> None:
    make_clips(tmp_path / "clips", 200)
    with started(environment, tmp_path, "midi", "clips", "-o", "out", "-q") as process:
        peaks = []
        for count in (70, 130):
            lines(process, count)
            status = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii")
            peaks.append(int(status.partition("VmHWM:")[2].split()[0]))
        assert process.wait() == 0
    assert peaks[1] < peaks[0] * 1.06  # what is kept of one input is a thousandth
