"""A draft gives back what it was given, and takes no memory for what was read."""

from __future__ import annotations

import ctypes
import math
import mmap
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pytest

from neuralib.audio import draft as module
from neuralib.audio.decode import decode
from neuralib.audio.draft import Draft
from neuralib.audio.encode import open_writer
from tests.audio_files import noise

SAMPLES = noise(2**20)


@pytest.fixture
def file(tmp_path: Path) -> Iterator[BinaryIO]:
    with (tmp_path / "draft").open("w+b") as opened:
        yield opened


def kept(file: BinaryIO) -> float:
    """Tell what part of a file the system has in memory."""
    size = os.fstat(file.fileno()).st_size
    pages = (ctypes.c_ubyte * math.ceil(size / mmap.PAGESIZE))()
    with mmap.mmap(file.fileno(), size) as mapped:
        first = ctypes.c_char.from_buffer(mapped)
        address = ctypes.c_void_p(ctypes.addressof(first))
        assert ctypes.CDLL(None).mincore(address, ctypes.c_size_t(size), pages) == 0
        del first  # what is pointed to cannot be closed
    return float(np.mean(np.array(pages) & 1))


@pytest.mark.parametrize("short_bytes", [0, 2**30], ids=["long", "short"])
def test_what_was_written_is_read_however_it_is_cut(
    file: BinaryIO, monkeypatch: pytest.MonkeyPatch, short_bytes: int
) -> None:
    monkeypatch.setattr(module, "_SHORT_BYTES", short_bytes)
    monkeypatch.setattr(module, "_FORGOTTEN_BYTES", 2**20)
    draft = Draft(file, 2, "stem")
    for part in np.array_split(SAMPLES, 7, axis=1):
        draft.write(part)
    assert draft.peak == np.abs(SAMPLES).max()
    for frames in (65536, 100_000):
        assert np.concatenate(list(draft.read(frames)), axis=1).tobytes() == SAMPLES.tobytes()


def test_encoding_applies_the_gain_and_tells_each_block(file: BinaryIO, tmp_path: Path) -> None:
    draft = Draft(file, 2, "stem")
    draft.write(SAMPLES)
    path = tmp_path / "stem.wav"
    with open_writer(path, format="wav", sample_rate=8000, channels=2, bit_depth=32) as writer:
        frames = [block.shape[1] for block in draft.encode(writer, 0.3)]
    assert len(frames) > 1
    assert sum(frames) == SAMPLES.shape[1]
    found = np.concatenate(list(decode(path)), axis=1)
    assert found.tobytes() == (SAMPLES * np.float32(0.3)).tobytes()


@pytest.mark.skipif(sys.platform != "linux", reason="others keep what they like")
@pytest.mark.parametrize("is_short", [False, True])
def test_a_long_draft_is_out_of_memory_when_it_was_read(
    file: BinaryIO, monkeypatch: pytest.MonkeyPatch, is_short: bool
) -> None:
    size = SAMPLES.nbytes
    monkeypatch.setattr(module, "_SHORT_BYTES", size if is_short else size - 1)
    monkeypatch.setattr(module, "_FORGOTTEN_BYTES", 2**20)
    draft = Draft(file, 2, "stem")
    draft.write(SAMPLES)
    file.flush()
    os.fsync(file.fileno())
    os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    if kept(file) > 0.1:
        pytest.skip("this file system is in memory")
    for _ in draft.read():
        pass
    assert kept(file) > 0.9 if is_short else kept(file) < 0.3
