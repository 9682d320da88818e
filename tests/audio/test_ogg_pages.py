from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import soundfile

from neuralib.audio.ogg_pages import OggPages, ogg_checksum
from tests.audio_files import noise


def vorbis() -> bytes:
    file = io.BytesIO()
    soundfile.write(file, noise(40_000).T, 44_100, format="OGG", subtype="VORBIS")
    return file.getvalue()


def steady(content: bytes, piece: int) -> bytes:
    pages, taken = OggPages(), b""
    for start in range(0, len(content), piece):
        pages.write(content[start : start + piece])
        taken += pages.take()
    return taken


def test_the_checksum_is_libogg_s() -> None:
    page = bytearray(vorbis()[:58])  # the first page of a Vorbis stream is always so long
    written = int.from_bytes(page[22:26], "little")
    page[22:26] = bytes(4)
    assert ogg_checksum(page) == written


def test_two_runs_become_the_same(tmp_path: Path) -> None:
    first, second = vorbis(), vorbis()
    assert first != second  # libsndfile draws another number each time
    assert steady(first, 1000) == steady(second, 77)


def test_the_audio_stays(tmp_path: Path) -> None:
    content = vorbis()
    before, _ = soundfile.read(io.BytesIO(content))
    after, _ = soundfile.read(io.BytesIO(steady(content, 4096)))
    assert np.array_equal(before, after)
