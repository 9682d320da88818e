"""What a person sees at a terminal of 80 columns."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from neuralib.client import Client
from neuralib.tasks import MidiTask
from tests.audio_files import noise, tone, write_wav
from tests.cli.cluster.test_commands import own_terminal, read_until
from tests.conftest import NEURALIB, ROOT, Command
from tests.servers.gateway import Gateway, user_environment, words_of

NAME = "A recording with a rather long name, as they come from a mixing desk.wav"


@pytest.fixture
def environment(micro_models: Path, tmp_path: Path) -> dict[str, str]:
    return user_environment(tmp_path / "home", micro_models)


@contextmanager
def terminal(
    environment: dict[str, str], folder: Path, *words: str
) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """Run `neuralib` with all three streams on a terminal; give its other end."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 80, 0, 0))
    running = subprocess.Popen(
        [*NEURALIB, *words],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        cwd=folder,
        env=environment | {"PYTHONPATH": str(ROOT), "TERM": "xterm"},
        preexec_fn=lambda: own_terminal(0),
    )
    os.close(theirs)
    try:
        yield ours, running
    finally:
        running.kill()
        running.wait()
        os.close(ours)


def test_results_are_not_mixed_with_bars(
    gateway: Gateway, environment: dict[str, str], tmp_path: Path
) -> None:
    names = ["one.wav", "two.wav", "three.wav"]
    for number, name in enumerate(names):
        write_wav(tmp_path / name, noise(200_000 + number))
    words = ["separate", *names, *words_of("separate"), "--submit", "-o", "out"]
    server = {"NEURALIB_SERVER": gateway.url}
    with terminal(environment | server, tmp_path, *words) as (ours, running):
        shown = read_until(ours, None).decode()
        assert running.wait() == 0
    assert "3/3 three.wav" in shown  # there were bars
    plain = re.sub(r"\x1b\[(\?25[hl]|[\d;]*m)", "", shown)
    before = re.findall(r"([^\r\n]*)out/\w+/\w+\.wav\r\n", plain)
    assert len(before) == 12
    assert {text.rpartition("\x1b[2K")[2] for text in before} == {""}
    bars = [line for line in re.split(r"[\r\n]|\x1b\[\d*[AK]", plain) if "━" in line]
    assert bars
    assert max(map(len, bars)) <= 77  # a `^C` fits beside them


def test_an_id_stays_whole_and_the_command_that_takes_it_can_be_typed(
    idle_gateway: Gateway, environment: dict[str, str], tmp_path: Path
) -> None:
    song = write_wav(tmp_path / "song.wav", tone(0.5))
    with Client(idle_gateway.url) as client:
        sample = client.add_sample(song, NAME)
        job = client.submit(MidiTask(), sample.id)
    server = {"NEURALIB_SERVER": idle_gateway.url}
    for noun, id in (("jobs", job.id), ("samples", sample.id)):
        with terminal(environment | server, tmp_path, noun, "list") as (ours, _):
            lines = read_until(ours, None).decode().splitlines()
        assert all(len(re.sub(r"\x1b\[[\d;]*m", "", line)) <= 80 for line in lines)
        assert sum(id in line for line in lines) == 1
    with terminal(environment | server, tmp_path, "jobs", "watch") as (ours, running):
        read_until(ours, job.id.encode())
        os.write(ours, b"\x03")
        assert b"goes on" in read_until(ours, None)
        assert running.wait() == 130


def test_a_second_ctrl_c_leaves_the_jobs_and_tells_their_ids(
    idle_gateway: Gateway, environment: dict[str, str], tmp_path: Path
) -> None:
    for name in ("one.wav", "two.wav"):
        write_wav(tmp_path / name, tone(0.4 if name == "one.wav" else 0.5))
    server = {"NEURALIB_SERVER": idle_gateway.url}
    words = ["midi", "one.wav", "two.wav", "--submit"]
    with (
        Client(idle_gateway.url) as client,
        terminal(environment | server, tmp_path, *words) as (ours, running),
    ):
        shown = read_until(ours, b"queued")
        while len(client.jobs(state="queued").items) < 2:
            shown += os.read(ours, 4096)
        os.write(ours, b"\x03")
        read_until(ours, b"[Y/n]")
        os.write(ours, b"\x03")
        told = read_until(ours, None).decode()
        assert running.wait() == 130
        jobs = client.jobs(state="queued").items
    assert len(jobs) == 2
    assert all(job.id in told for job in jobs)
    assert told.index("one.wav: goes on as") < told.index("two.wav: goes on as")
    assert "neuralib jobs get" in told


def test_a_list_of_nothing_says_so(idle_gateway: Gateway, neuralib: Command) -> None:
    server = {"NEURALIB_SERVER": idle_gateway.url}
    for words in (["jobs", "list"], ["samples", "list"], ["keys", "list"]):
        done = neuralib(*words, **server)
        assert (done.status, done.stdout) == (0, b"")
        assert done.stderr.startswith("no ")
