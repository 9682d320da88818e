"""What the README types to use NeuraLib over HTTP works as it stands there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.micro.song import write_demo_song
from tests.servers.redis import free_port

ADDRESS = "127.0.0.1:7470"


def blocks() -> list[str]:
    """The shell commands of the chapter: the server, its client, and the command line."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    chapter = text.partition("## The same over HTTP\n")[2].partition("\n## ")[0]
    return re.findall(r"^```bash\n(.*?)^```$", chapter, re.MULTILINE | re.DOTALL)


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    (tmp_path / "tests").symlink_to(ROOT / "tests")
    (tmp_path / "demo").mkdir()
    write_demo_song(tmp_path / "demo" / "song.wav")
    return tmp_path


@pytest.fixture
def user(environment: dict[str, str], clone: Path) -> dict[str, str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    return environment | {"PATH": path, "NEURALIB_MODELS_DIR": str(clone / "models")}


@pytest.fixture
def port(clone: Path, user: dict[str, str]) -> Iterator[int]:
    """Where the server of the first block listens, on a port that is free here."""
    port = free_port()
    script = blocks()[0].replace("neuralib serve", f"exec neuralib serve --port {port}")
    with (clone / "log").open("wb") as log:
        server = subprocess.Popen(
            ["bash", "-ec", script], cwd=clone, env=user, stdout=log, stderr=log
        )
    while str(port) not in (clone / "log").read_text():
        assert server.poll() is None
        time.sleep(0.05)
    yield port
    server.terminate()
    assert server.wait() == 0
    assert "Warning" not in (clone / "log").read_text()


def test_the_commands_of_the_readme(port: int, clone: Path, user: dict[str, str]) -> None:
    def shell(script: str) -> str:
        words = ["bash", "-euo", "pipefail", "-c", script.replace(ADDRESS, f"127.0.0.1:{port}")]
        done = subprocess.run(words, cwd=clone, env=user, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode()

    _, client, command_line = blocks()
    events = shell(client)
    paths = shell(command_line).split()

    assert events.count('"state":"done"') == 3
    served = clone / "demo" / "served"
    assert "silver light" in (served / "song.txt").read_text()
    assert (served / "song.mid").read_bytes()[:4] == b"MThd"
    stems = ["bass", "drums", "other", "vocals"]
    assert sorted(path.stem for path in (served / "song").iterdir()) == stems
    assert sorted(Path(path).stem for path in paths) == stems
    for path in paths:
        assert (clone / path).read_bytes() == (served / "song" / Path(path).name).read_bytes()
