"""Standard streams that are full or closed: one line, and no traceback."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.audio_files import tone, write_wav
from tests.conftest import NEURALIB, ROOT

FULL = Path("/dev/full")
"""A device of Linux that is never written to with success."""


def shell(command: str, environment: dict[str, str], folder: Path) -> tuple[int, list[str]]:
    """Run `neuralib …` with redirections; give its exit status and what it complains of."""
    done = subprocess.run(
        ["sh", "-c", " ".join([*NEURALIB, command])],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        cwd=folder,
        env=environment | {"PYTHONPATH": str(ROOT)},
        check=False,
    )
    return done.returncode, done.stderr.splitlines()


@pytest.mark.skipif(not FULL.exists(), reason="needs /dev/full")
@pytest.mark.parametrize(
    "command",
    ["--help", "doctor", "midi a.wav", "midi a.wav --json", "midi a.wav -o -", "models list"],
)
def test_full_standard_output_is_told(
    command: str, environment: dict[str, str], tmp_path: Path
) -> None:
    write_wav(tmp_path / "a.wav", tone(0.5))
    status, (line,) = shell(f"{command} > {FULL}", environment, tmp_path)
    assert status == 1
    assert line.startswith("error: ")
    assert "standard output" in line
    assert "No space left" in line


def test_closed_standard_output_loses_the_paths_alone(
    environment: dict[str, str], tmp_path: Path
) -> None:
    write_wav(tmp_path / "a.wav", tone(0.5))
    assert shell("midi a.wav >&-", environment, tmp_path) == (0, [])
    assert (tmp_path / "a.mid").read_bytes().startswith(b"MThd")


def test_closed_standard_input_is_empty(environment: dict[str, str], tmp_path: Path) -> None:
    status, (line,) = shell("midi - <&-", environment, tmp_path)
    assert status == 1
    assert "standard input is empty" in line
