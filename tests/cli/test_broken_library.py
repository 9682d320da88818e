"""A library that is installed, and cannot be imported: what can be done without it is done."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from neuralib.engines import openvino_runtime
from tests.audio_files import tone, write_wav
from tests.conftest import MODEL, ROOT, Command


def broken(library: str, folder: Path) -> dict[str, str]:
    """Put a library that cannot be imported before the real one."""
    place = folder / "broken"
    place.mkdir()
    (place / f"{library}.py").write_text("raise ImportError('libgone.so.1: cannot open')")
    return {"PYTHONPATH": f"{place}{os.pathsep}{ROOT}"}


@pytest.mark.skipif(not openvino_runtime.is_here(), reason="it has no wheel for this machine")
@pytest.mark.parametrize("task", ["separate", "transcribe"])
def test_without_openvino_others_compute(neuralib: Command, tmp_path: Path, task: str) -> None:
    write_wav(tmp_path / "song.wav", tone(0.5))
    words = [task, "song.wav", "--json", *MODEL[task]]
    done = neuralib(*words, **broken("openvino", tmp_path))
    assert done.status == 0
    (record,) = done.records
    assert record["runtime"] in ("torch", "ctranslate2")
    assert "warning: OpenVINO cannot be used (libgone.so.1: cannot open)" in done.stderr
    assert "pip install --force-reinstall openvino" in done.stderr


def test_a_library_that_is_needed_is_told(neuralib: Command, tmp_path: Path) -> None:
    write_wav(tmp_path / "song.wav", tone(0.5))
    done = neuralib("midi", "song.wav", **broken("av", tmp_path))
    assert (done.status, done.stdout) == (3, b"")
    (line,) = done.errors
    assert "libgone.so.1: cannot open" in line
    assert "neuralib doctor" in line
