from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from neuralib.workers.scratch import Scratch


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


def test_a_removed_folder_is_gone_with_what_was_in_it() -> None:
    scratch = Scratch()
    (scratch.path / "song").write_bytes(b"song")
    scratch.remove()
    assert not scratch.path.exists()


def test_what_a_killed_worker_left_is_removed_by_the_next(tmp_path: Path) -> None:
    program = (
        "import os, signal; from neuralib.workers.scratch import Scratch; "
        "scratch = Scratch(); print(scratch.path, flush=True); os.kill(os.getpid(), signal.SIGKILL)"
    )
    killed = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | {"TMPDIR": str(tmp_path)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    left = Path(killed.stdout.strip())
    assert left.is_dir()
    Scratch().remove()
    assert not left.exists()


def test_what_a_living_worker_needs_stays() -> None:
    first = Scratch()
    second = Scratch()
    assert first.path.is_dir()
    first.remove()
    second.remove()


def test_a_folder_that_is_being_made_stays(tmp_path: Path) -> None:
    young = tmp_path / "neuralib-worker-young"
    young.mkdir()
    Scratch().remove()
    assert young.is_dir()
    os.utime(young, (0, 0))
    Scratch().remove()
    assert not young.exists()
