"""Rows come back as they went in, from a file that nobody sees."""

from __future__ import annotations

import gc
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuralib.audio import spool
from neuralib.audio.spool import Spool


@given(st.lists(st.integers(0, 40), max_size=6), st.sampled_from([1, 3]), st.integers(4, 100))
def test_rows_come_back(lengths: list[int], width: int, piece_bytes: int) -> None:
    rng = np.random.default_rng(1)
    parts = [rng.standard_normal((length, width)).astype(np.float32) for length in lengths]
    whole = np.concatenate([np.zeros((0, width), np.float32), *parts])
    with pytest.MonkeyPatch.context() as patch, Spool(width, "rows") as rows:
        patch.setattr(spool, "_PIECE_BYTES", piece_bytes)
        for part in parts:
            rows.append(part)
        assert np.array_equal(rows.finish(), whole)
        rows.update(lambda some: -some)
        back = rows.finish()
    assert back.dtype == np.float32
    assert np.array_equal(back, -whole)


def test_what_was_given_may_be_written_to() -> None:
    with Spool(1, "rows") as rows:
        rows.append(np.ones((3, 1), np.float32))
        first = rows.finish()
        first[1] = 5
        assert rows.finish().ravel().tolist() == [1, 1, 1]
    assert first.ravel().tolist() == [1, 5, 1]


def test_a_run_that_fails_leaves_no_file_open() -> None:
    def run() -> None:
        with Spool(2, "rows") as rows:
            rows.append(np.zeros((3, 2), np.float32))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run()
    gc.collect()  # a file left to the collector would be a ResourceWarning, and that an error


FULL = """
import resource
import numpy as np
from neuralib.audio.spool import Spool
from neuralib.errors import OutputError

resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    with Spool(10, "samples") as rows:
        for _ in range(100):
            rows.append(np.zeros((100, 10), np.float32))
except OutputError as error:
    print(error.message)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="has no limit of a file's size to set")
def test_a_full_disk_is_told() -> None:
    done = subprocess.run([sys.executable, "-c", FULL], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("samples cannot be kept in ")
    assert "File too large" in done.stdout
    assert "set TMPDIR to another folder" in done.stdout
    assert done.stderr == ""
