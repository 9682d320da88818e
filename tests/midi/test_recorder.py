"""Activations come back as they went in, from files that nobody sees."""

from __future__ import annotations

import gc
import subprocess
import sys
import tempfile
import weakref
from typing import NoReturn

import numpy as np
import pytest

from neuralib.midi.recorder import Recorder
from tests.midi.reference import make_activations


@pytest.mark.parametrize(
    ("pieces_count", "frames"), [(2, 0), (2, 1), (2, 150), (2, 284), (9, 0), (9, 1000), (9, 1278)]
)
def test_activations_come_back(pieces_count: int, frames: int) -> None:
    """Whether they fit into memory (two pieces) or not."""
    pieces = [make_activations(142, seed) for seed in range(pieces_count)]
    with Recorder() as recorder:
        for piece in pieces:
            recorder.append(piece)
        back = recorder.finish(frames)

    recorded = zip(*(piece.matrices for piece in pieces), strict=True)
    for matrix, parts in zip(back.matrices, recorded, strict=True):
        whole = np.concatenate(parts)
        assert matrix.dtype == np.float32
        np.testing.assert_array_equal(matrix, whole[:frames])


def test_nothing_recorded_is_nothing() -> None:
    with Recorder() as recorder:
        assert recorder.finish(0).contours.shape == (0, 264)


def test_a_short_clip_needs_no_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    with Recorder() as recorder:
        recorder.append(make_activations(142, 1))
        assert recorder.finish(87).contours.shape == (87, 264)


def test_long_songs_leave_memory() -> None:
    """What was given is not kept, apart from a few seconds."""
    alive = []
    with Recorder() as recorder:
        for seed in range(20):
            piece = make_activations(142, seed)
            recorder.append(piece)
            alive.append(weakref.ref(piece.contours))
            del piece
        assert not any(matrix() is not None for matrix in alive)


def refuse() -> NoReturn:
    raise AssertionError("a temporary file was made")


def test_a_run_that_fails_leaves_no_file_open() -> None:
    def run() -> None:
        with Recorder() as recorder:
            for seed in range(9):
                recorder.append(make_activations(142, seed))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run()

    gc.collect()  # a file left to the collector would be a ResourceWarning, and that an error


FULL = """
import resource
import numpy as np
from neuralib.errors import OutputError
from neuralib.midi.activations import Activations
from neuralib.midi.recorder import Recorder

resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
piece = Activations(*(np.zeros((142, width), np.float32) for width in (88, 88, 264)))
try:
    with Recorder() as recorder:
        for _ in range(100):
            recorder.append(piece)
except OutputError as error:
    print(error.message)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="has no limit of a file's size to set")
def test_a_full_disk_is_told() -> None:
    done = subprocess.run([sys.executable, "-c", FULL], capture_output=True, text=True, check=True)

    assert "File too large" in done.stdout
    assert "set TMPDIR to another folder" in done.stdout
    assert done.stderr == ""
