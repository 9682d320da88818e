"""Looking after jobs and samples."""

from __future__ import annotations

import os
import pty
import subprocess
from pathlib import Path

import pytest

from neuralib.client import Client
from neuralib.tasks import MidiTask
from tests.audio_files import noise, tone, write_wav
from tests.conftest import NEURALIB, ROOT, Command
from tests.servers.gateway import Gateway, user_environment


@pytest.fixture
def environment(
    idle_gateway: Gateway, micro_models: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, str]:
    """A user whose settings name a gateway without workers."""
    home = tmp_path_factory.mktemp("home")
    return user_environment(home, micro_models) | {"NEURALIB_SERVER": idle_gateway.url}


@pytest.fixture
def jobs(idle_gateway: Gateway, tmp_path: Path) -> list[str]:
    """Two queued jobs, the newest first."""
    song = write_wav(tmp_path / "My [Song].wav", tone(1.0))
    with Client(idle_gateway.url) as client:
        sample = client.add_sample(song, song.name)
        made = [client.submit(MidiTask(tempo_bpm=tempo), sample.id).id for tempo in (90, 120)]
    return made[::-1]


def test_jobs_are_listed(neuralib: Command, jobs: list[str]) -> None:
    listed = neuralib("jobs", "list", "--json")
    assert [record["id"] for record in listed.records] == jobs
    table = neuralib("jobs", "list").stdout.decode()
    assert all(job in table for job in jobs)
    assert table.count("My [Song].wav") == 2
    assert [each["id"] for each in neuralib("jobs", "list", "--json", "--limit", 1).records] == [
        jobs[0]
    ]
    assert neuralib("jobs", "list", "--json", "--state", "done").lines == []
    assert neuralib("jobs", "list", "--json", "--task", "separate").lines == []
    wrong = neuralib("jobs", "list", "--state", "lost")
    assert (wrong.status, len(wrong.errors)) == (2, 1)


def test_jobs_are_cancelled_and_retried(neuralib: Command, jobs: list[str]) -> None:
    cancelled = neuralib("jobs", "cancel", jobs[0], "job_00", jobs[1])
    assert (cancelled.status, cancelled.lines, len(cancelled.errors)) == (4, jobs, 1)
    watched = neuralib("jobs", "watch", jobs[0])
    assert (watched.status, watched.lines) == (1, [f"{jobs[0]} midi cancelled"])
    assert "neuralib jobs retry" in watched.errors[0]
    assert neuralib("jobs", "retry", jobs[0]).lines == [jobs[0]]
    refused = neuralib("jobs", "retry", jobs[0])
    assert (refused.status, len(refused.errors)) == (4, 1)
    shown = neuralib("jobs", "show", *jobs, "--json").records
    assert [record["state"] for record in shown] == ["queued", "cancelled"]
    assert b"tempo_bpm=90" in neuralib("jobs", "show", jobs[1]).stdout


def test_results_that_are_not_there_yet(neuralib: Command, jobs: list[str]) -> None:
    got = neuralib("jobs", "get", jobs[0], "-o", "out")
    assert (got.status, got.stdout) == (1, b"")
    assert "neuralib jobs watch" in got.errors[0]
    assert neuralib("jobs", "get", jobs[0], jobs[1], "-o", "-").status == 2
    assert neuralib("jobs", "get", "job_00").status == 4


def test_samples_are_added_listed_fetched_and_removed(neuralib: Command, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    song = write_wav(tmp_path / "in" / "song.wav", noise(40_000))
    (tmp_path / "in" / "text.wav").write_text("no audio")
    added = neuralib("samples", "add", "in", "gone.wav", "in/song.wav")
    assert (added.status, len(added.errors)) == (1, 2)
    assert added.lines[0] == added.lines[1]
    sample = added.lines[0]
    (record,) = neuralib("samples", "list", "--query", "song", "--json").records
    assert (record["id"], record["name"], record["bytes"]) == (
        *(sample, "song.wav", song.stat().st_size),
    )
    assert b"song.wav" in neuralib("samples", "list").stdout
    assert record["sha256"].encode() in neuralib("samples", "show", sample).stdout
    assert neuralib("samples", "get", sample, "-o", "back").lines == ["back/song.wav"]
    assert (tmp_path / "back" / "song.wav").read_bytes() == song.read_bytes()
    assert neuralib("samples", "get", sample, "-o", "-").stdout == song.read_bytes()
    removed = neuralib("samples", "rm", sample, sample.replace("0", "1"))
    assert (removed.status, removed.lines) == (4, [sample])
    assert neuralib("samples", "list", "--json").lines == []


def test_a_sample_with_a_queued_job_stays(neuralib: Command, jobs: list[str]) -> None:
    (record,) = neuralib("samples", "list", "--json").records
    refused = neuralib("samples", "rm", record["id"])
    assert (refused.status, refused.stdout, len(refused.errors)) == (4, b"", 1)


def test_ctrl_c_at_a_terminal_asks(
    idle_gateway: Gateway, environment: dict[str, str], tmp_path: Path
) -> None:
    write_wav(tmp_path / "song.wav", tone(0.4))
    with Client(idle_gateway.url) as client:
        for answer, state in ((b"n\n", "queued"), (b"y\n", "cancelled"), (b"\x03", "queued")):
            ours, theirs = pty.openpty()
            running = subprocess.Popen(
                [*NEURALIB, "midi", "song.wav", "--submit", "--force"],
                stdin=theirs,
                stdout=subprocess.PIPE,
                stderr=theirs,
                cwd=tmp_path,
                env=environment | {"PYTHONPATH": str(ROOT), "TERM": "xterm"},
                preexec_fn=lambda: own_terminal(0),
            )
            os.close(theirs)
            shown = read_until(ours, b"queued")
            os.write(ours, b"\x03")
            shown += read_until(ours, b"[Y/n]")
            assert b"Cancel the job on the cluster" in shown
            os.write(ours, answer)
            read_until(ours, None)
            assert running.wait() == 130
            assert running.stdout
            assert running.stdout.read() == b""
            running.stdout.close()
            os.close(ours)
            assert client.jobs(limit=1).items[0].state == state


def own_terminal(number: int) -> None:
    """Make a descriptor the controlling terminal, so that its Ctrl-C is a signal."""
    import fcntl
    import termios

    os.setsid()
    fcntl.ioctl(number, termios.TIOCSCTTY, 0)


def read_until(descriptor: int, text: bytes | None) -> bytes:
    """Read what a program shows, up to a text, or (None) to its end."""
    shown = b""
    while text is None or text not in shown:
        try:
            block = os.read(descriptor, 4096)
        except OSError:  # Linux: the other end is closed
            break
        if not block:
            break
        shown += block
    return shown
