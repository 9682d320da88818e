from __future__ import annotations

import io
import struct

import pytest

from neuralib.audio.riff import wave_data
from tests.audio_files import tone, wav_bytes

SAMPLES = tone(0.1)
BYTES = SAMPLES.shape[1] * 4
CHUNK = b"LIST" + struct.pack("<I", 4) + b"INFO"


@pytest.mark.parametrize(
    ("declared", "trailing", "expected"),
    [
        (None, b"", (BYTES, BYTES, True)),
        (None, CHUNK, (BYTES, BYTES + len(CHUNK), True)),
        (2 * BYTES, b"", (2 * BYTES, BYTES, True)),
        (BYTES - 400, b"", (BYTES - 400, BYTES, False)),
        (0, b"", (None, BYTES, True)),
        (0xFFFFFFFF, b"", (None, BYTES, True)),
    ],
)
def test_reads_what_the_header_says(
    declared: int | None, trailing: bytes, expected: tuple[int | None, int, bool]
) -> None:
    wave = wave_data(io.BytesIO(wav_bytes(SAMPLES, declared=declared, trailing=trailing)))
    assert wave is not None
    assert (wave.declared, wave.present, wave.followed_by_chunks) == expected
    assert wave.seconds(BYTES) == pytest.approx(0.1)


def test_no_samples_before_chunks_are_no_samples() -> None:
    wave = wave_data(io.BytesIO(wav_bytes(SAMPLES[:, :0], trailing=CHUNK)))
    assert wave is not None
    assert wave.declared == 0


def test_reads_64_bit_sizes() -> None:
    whole = wav_bytes(SAMPLES, declared=0xFFFFFFFF)
    sizes = struct.pack("<QQQI", len(whole) + 28, BYTES + 1234, SAMPLES.shape[1], 0)
    rf64 = b"RF64" + whole[4:12] + b"ds64" + struct.pack("<I", len(sizes)) + sizes + whole[12:]
    wave = wave_data(io.BytesIO(rf64))
    assert wave is not None
    assert (wave.declared, wave.present) == (BYTES + 1234, BYTES)


@pytest.mark.parametrize(
    "content", [b"", b"RIFF", b"RIFF\0\0\0\0WAVE", b"fLaC" + bytes(90), wav_bytes(SAMPLES)[:30]]
)
def test_anything_else_is_no_wave(content: bytes) -> None:
    assert wave_data(io.BytesIO(content)) is None


def test_the_file_stays_where_it_was() -> None:
    file = io.BytesIO(wav_bytes(SAMPLES))
    file.seek(7)
    wave_data(file)
    assert file.tell() == 7


def test_a_file_of_nothing_but_chunks_is_no_wave() -> None:
    """To walk through all of a large one would take minutes."""
    chunks = b"JUNK\0\0\0\0" * 20_000
    samples = b"data" + struct.pack("<I", 4) + b"abcd"
    assert wave_data(io.BytesIO(b"RIFF\0\0\0\0WAVE" + chunks[:800] + samples)) is not None
    assert wave_data(io.BytesIO(b"RIFF\0\0\0\0WAVE" + chunks + samples)) is None
    wave = wave_data(io.BytesIO(b"RIFF\0\0\0\0WAVE" + samples + chunks))
    assert wave is not None
    assert not wave.followed_by_chunks
