"""What every test can use: the command itself, in a process and an environment of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

pytest_plugins = [
    "tests.servers.gateway",
    "tests.servers.postgres",
    "tests.servers.redis",
    "tests.servers.s3",
]

# Tests that were started in the background ignore Ctrl-C, and so would all that they start.
signal.signal(signal.SIGINT, signal.default_int_handler)

ROOT = Path(__file__).parent.parent
MICRO = ROOT / "tests" / "micro"
HTDEMUCS = MICRO / "htdemucs_micro.safetensors"
WHISPER = MICRO / "whisper_micro.pt"


def pytest_configure() -> None:
    """Let tests that run beside others compute on one core each, without waiting for threads."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        import torch

        torch.set_num_threads(1)


@dataclass(frozen=True)
class Finished:
    """A command that ended."""

    status: int
    stdout: bytes
    stderr: str

    @property
    def lines(self) -> list[str]:
        return self.stdout.decode().splitlines()

    @property
    def records(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.lines]

    @property
    def errors(self) -> list[str]:
        return [line for line in self.stderr.splitlines() if line.startswith("error: ")]


Command = Callable[..., Finished]


NEURALIB = [sys.executable, "-m", "neuralib"]

MODEL: dict[str, list[str]] = {
    "separate": ["--model", str(HTDEMUCS)],
    "midi": [],
    "transcribe": ["--model", str(WHISPER)],
}
"""Arguments that name a model which is there, by task."""


@pytest.fixture(scope="session")
def models_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One models folder for all tests, so that a checkpoint is prepared once."""
    return tmp_path_factory.mktemp("models")


@pytest.fixture
def environment(tmp_path_factory: pytest.TempPathFactory, models_dir: Path) -> dict[str, str]:
    """The environment of a user who has just installed NeuraLib and has no network."""
    home = tmp_path_factory.mktemp("home")
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("NEURALIB_", "XDG_", "PYTHON"))
    }
    return kept | {
        "HOME": str(home),
        "NEURALIB_MODELS_DIR": str(models_dir),
        "NEURALIB_OFFLINE": "1",
    }


@pytest.fixture
def neuralib(environment: dict[str, str], tmp_path: Path) -> Command:
    """Run `neuralib` with arguments, in `tmp_path`."""

    def run(*words: object, stdin: bytes = b"", cwd: Path = tmp_path, **variables: str) -> Finished:
        done = subprocess.run(
            [*NEURALIB, *map(str, words)],
            input=stdin,
            capture_output=True,
            cwd=cwd,
            env=environment | {"PYTHONPATH": str(ROOT)} | variables,
            check=False,
        )
        return Finished(done.returncode, done.stdout, done.stderr.decode())

    return run
