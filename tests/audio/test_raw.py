from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest

from neuralib.audio.decode import probe
from neuralib.audio.raw import RawFormat, parse_raw, write_wave
from neuralib.errors import DecodeError, NoAudio, UsageError
from tests.audio.containers import mark, whole
from tests.audio_files import Samples


def raw_bytes(samples: Samples, kind: str) -> bytes:
    """Samples as NumPy writes them, apart from any header."""
    interleaved = samples.T.astype(np.float64)
    order = ">" if kind.endswith("be") else "<"
    if kind.startswith("f"):
        return interleaved.astype(f"{order}f{int(kind[1:3]) // 8}").tobytes()
    if kind == "u8":
        return (np.rint(interleaved * 128) + 128).astype(np.uint8).tobytes()
    bits = int(kind[1:3])
    integers = np.rint(interleaved * 2.0 ** (bits - 1)).astype(np.int64).astype(f"{order}i8")
    octets = integers.reshape(-1, 1).view(np.uint8)
    kept = octets[:, -(bits // 8) :] if order == ">" else octets[:, : bits // 8]
    return kept.tobytes()


@pytest.mark.parametrize(
    "kind",
    [
        "u8",
        "s16le",
        "s16be",
        "s24le",
        "s24be",
        "s32le",
        "s32be",
        "f32le",
        "f32be",
        "f64le",
        "f64be",
    ],
)
@pytest.mark.parametrize("channels", [1, 2, 6])
def test_raw_samples_are_exact(tmp_path: Path, kind: str, channels: int) -> None:
    samples = mark(70_000, 12_345, channels=channels)
    if kind == "u8":
        samples = np.rint(samples * 128).astype(np.float32) / np.float32(128)
    (tmp_path / "take.raw").write_bytes(raw_bytes(samples, kind))
    with open(tmp_path / "take.wav", "wb") as target:
        write_wave(tmp_path / "take.raw", parse_raw(f"11025,{channels},{kind}"), target)
    assert np.array_equal(whole(tmp_path / "take.wav"), samples)
    assert probe(tmp_path / "take.wav").sample_rate == 11025


def test_spaces_do_not_matter() -> None:
    assert parse_raw("48000, 2, f32le") == RawFormat(48000, 2, "f32le")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("44100", "RATE,CHANNELS,FORMAT, like 44100,2,s16le; got '44100'"),
        ("44100,2,s16le,x", "RATE,CHANNELS,FORMAT"),
        ("44100,2,s17le", "no raw format 's17le'; take one of u8, s16le"),
        ("0,2,s16le", "sample rate is a number from 1 to 768000; got '0'"),
        ("44.1k,2,s16le", "sample rate is a number"),
        ("44100,65,s16le", "number of channels is a number from 1 to 64; got '65'"),
    ],
)
def test_what_is_no_format_is_refused(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parse_raw(text)


def test_a_broken_last_frame_is_refused(tmp_path: Path) -> None:
    (tmp_path / "take.raw").write_bytes(bytes(1003))
    with pytest.raises(
        DecodeError, match=r"1003 bytes.* frames of 4 bytes \(2 times s16le\).* 3 b"
    ):
        write_wave(tmp_path / "take.raw", parse_raw("44100,2,s16le"), io.BytesIO())


def test_nothing_is_no_audio(tmp_path: Path) -> None:
    (tmp_path / "take.raw").touch()
    with pytest.raises(NoAudio, match="empty"):
        write_wave(tmp_path / "take.raw", parse_raw("44100,2,s16le"), io.BytesIO())
