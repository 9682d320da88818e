"""What killed runs leave is removed, and nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from neuralib.audio.tags import Tags
from neuralib.execute.drafts import draft_name, sweep
from neuralib.execute.sink import FolderSink
from neuralib.execute.stem_files import open_stem_files
from neuralib.execute.stem_format import StemFormat
from neuralib.tasks import AudioFormat
from tests.conftest import ROOT

KILLED = """
import os, signal, sys
from pathlib import Path
from neuralib.execute.sink import FolderSink
with FolderSink(Path(sys.argv[1])) as sink:
    sink.create("notes", "song/song.mid").write_bytes(b"half")
    os.kill(os.getpid(), signal.SIGKILL)
"""

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such locks")


def drafts_in(folder: Path) -> list[Path]:
    return list(folder.rglob(".neuralib-*"))


def test_drafts_of_a_killed_run_are_gone_with_the_next(tmp_path: Path) -> None:
    killed = subprocess.run([sys.executable, "-c", KILLED, tmp_path], cwd=ROOT, check=False)
    assert killed.returncode == -9
    assert len(drafts_in(tmp_path)) == 1
    with FolderSink(tmp_path) as sink:
        sink.put("notes", "song/song.mid", b"whole")
    assert drafts_in(tmp_path) == []
    assert (tmp_path / "song" / "song.mid").read_bytes() == b"whole"


def test_drafts_of_a_run_that_goes_on_stay(tmp_path: Path) -> None:
    with FolderSink(tmp_path) as first:
        first.put("notes", "first.mid", b"first")
        with FolderSink(tmp_path) as second:
            second.put("notes", "second.mid", b"second")
            assert len(drafts_in(tmp_path)) == 2
    assert sorted(os.listdir(tmp_path)) == ["first.mid", "second.mid"]


@pytest.mark.parametrize("format", get_args(AudioFormat))
def test_a_draft_is_ours_until_it_is_published(tmp_path: Path, format: AudioFormat) -> None:
    """Whatever encodes it, and writes tags into it."""
    shape = StemFormat(format, 44100, 2, 16)
    tags = Tags(title="Song", artist="Somebody")
    with FolderSink(tmp_path) as sink:
        with open_stem_files(sink, [f"vocals.{format}"], shape, "rescale", tags) as files:
            files.write(np.zeros((1, 2, 4410), np.float32))
            files.finish(lambda progress: None)
        sweep(tmp_path)
    assert os.listdir(tmp_path) == [f"vocals.{format}"]


def test_only_what_is_ours_is_removed(tmp_path: Path) -> None:
    left = tmp_path / draft_name()
    left.touch()
    other_host = f".neuralib-{'0' * 8}-{'1' * 12}.part"
    others = [other_host, ".neuralib-notes.part", "song.part", f"{left.name}.bak"]
    for name in others:
        (tmp_path / name).touch()
    (tmp_path / draft_name()).mkdir()
    (tmp_path / draft_name()).symlink_to(tmp_path / "song.part")
    sweep(tmp_path)
    assert not left.exists()
    assert len(os.listdir(tmp_path)) == len(others) + 2
    sweep(tmp_path / "nowhere")


def test_a_folder_is_searched_once_a_batch(tmp_path: Path) -> None:
    swept: set[Path] = set()
    with FolderSink(tmp_path, swept=swept) as sink:
        sink.put("notes", "first.mid", b"first")
    left = tmp_path / draft_name()
    left.touch()
    with FolderSink(tmp_path, swept=swept) as sink:
        sink.put("notes", "second.mid", b"second")
    assert left.exists()
