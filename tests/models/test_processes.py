"""What several processes do at once, and what a killed one leaves."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.models.conftest import CONTENT
from tests.models.hub import CHUNK, Hub

ROOT = Path(__file__).parents[2]
Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start() -> Iterator[Start]:
    processes: list[subprocess.Popen[str]] = []

    def run(*words: object, **variables: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.models.worker", *map(str, words)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env=os.environ | variables,
        )
        processes.append(process)
        return process

    yield run
    for process in processes:
        process.kill()
        process.communicate()


def ended(process: subprocess.Popen[str]) -> list[str]:
    """Wait for the end, see that it was a good one, and give the lines that were printed."""
    out, err = process.communicate()
    assert process.returncode == 0, err
    return out.splitlines()


def wait_until(true: Callable[[], bool], *running: subprocess.Popen[str]) -> None:
    while not true():
        assert all(process.poll() is None for process in running), "ended too early"
        time.sleep(0.01)


def test_two_processes_that_pull_one_file_fetch_it_once(
    hub: Hub, start: Start, tmp_path: Path
) -> None:
    hub.hold_after = 5 * CHUNK
    pair = [start("pull", tmp_path, hub.url) for _ in range(2)]
    for process in pair:
        assert process.stdout is not None
        assert process.stdout.readline() == "pulling\n"
    wait_until(lambda: hub.sent >= 5 * CHUNK, *pair)
    hub.release()
    for process in pair:
        ended(process)
    assert (tmp_path / "separate" / "one.safetensors").read_bytes() == CONTENT
    assert len(hub.requests) == 1


def test_a_killed_pull_is_resumed(hub: Hub, start: Start, tmp_path: Path) -> None:
    hub.hold_after = 5 * CHUNK
    part = tmp_path / "separate" / "one.safetensors.part"
    process = start("pull", tmp_path, hub.url)
    wait_until(lambda: part.is_file() and part.stat().st_size == 5 * CHUNK, process)
    process.kill()
    process.wait()
    hub.release()
    assert not part.with_suffix("").exists()
    ended(start("pull", tmp_path, hub.url))
    assert part.with_suffix("").read_bytes() == CONTENT
    assert hub.requests[1].range == f"bytes={5 * CHUNK}-"


def test_a_full_disk_gives_one_line_and_keeps_what_fits(
    hub: Hub, start: Start, tmp_path: Path
) -> None:
    process = start("pull", tmp_path, hub.url, 100_000)
    _, err = process.communicate()
    assert process.returncode == 1
    assert err.startswith("OutputError: cannot write ")
    assert "its 100000 bytes are kept: make room and run the same command again" in err
    assert len(err.splitlines()) == 1
    part = tmp_path / "separate" / "one.safetensors.part"
    assert part.stat().st_size == 100_000
    ended(start("pull", tmp_path, hub.url))
    assert part.with_suffix("").read_bytes() == CONTENT
    assert hub.requests[1].range == "bytes=100000-"


def test_the_proxy_of_the_environment_is_used(hub: Hub, start: Start, tmp_path: Path) -> None:
    path = "http://models.invalid/some/folder/one.safetensors"
    hub.files[path] = CONTENT  # a proxy is asked for the whole address
    process = start(
        "pull", tmp_path, "http://models.invalid", http_proxy=hub.url, HTTP_PROXY=hub.url
    )
    ended(process)
    assert [request.path for request in hub.requests] == [path]


def test_two_processes_that_prepare_one_form_build_it_once(start: Start, tmp_path: Path) -> None:
    checkpoint, log, hold = tmp_path / "a.pt", tmp_path / "log", tmp_path / "go"
    checkpoint.write_bytes(b"weights")
    pair = [start("prepare", tmp_path / "models", checkpoint, log, hold) for _ in range(2)]
    for process in pair:
        assert process.stdout is not None
        assert process.stdout.readline() == "preparing\n"
    wait_until(log.exists, *pair)
    hold.touch()
    places = {ended(process)[-1] for process in pair}
    assert len(places) == 1
    assert len(log.read_text().splitlines()) == 1
    place = Path(places.pop())
    assert {each.name for each in place.iterdir()} == {"first.bin", "last.bin", "prepared.json"}


def test_a_killed_preparation_leaves_nothing_that_looks_whole(start: Start, tmp_path: Path) -> None:
    checkpoint, log, hold = tmp_path / "a.pt", tmp_path / "log", tmp_path / "go"
    checkpoint.write_bytes(b"weights")
    process = start("prepare", tmp_path / "models", checkpoint, log, hold)
    wait_until(log.exists, process)
    process.kill()
    process.wait()
    hold.touch()
    place = Path(ended(start("prepare", tmp_path / "models", checkpoint, log, hold))[-1])
    assert (place / "last.bin").read_text() == "last"
    assert len(log.read_text().splitlines()) == 2
    assert not place.with_name(place.name + ".part").exists()
