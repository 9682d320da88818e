"""Samples without a header, given one."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, BinaryIO

import numpy as np

from neuralib.errors import DecodeError, NoAudio, UsageError

_WIDTHS = {
    **{"u8": 1, "s16le": 2, "s16be": 2, "s24le": 3, "s24be": 3, "s32le": 4, "s32be": 4},
    **{"f32le": 4, "f32be": 4, "f64le": 8, "f64be": 8},
}
"""Bytes of a sample, by FFmpeg's names of the formats."""

_MOST_CHANNELS = 64
_HIGHEST_RATE = 768_000
_OPEN_SIZE = 0xFFFFFFFF
"""What the header says where its 32 bits do not hold the size: read to the end."""
_BLOCK_FRAMES = 65536


@dataclass(frozen=True)
class RawFormat:
    """What a file of bare samples does not say itself."""

    sample_rate: int
    """Hertz."""
    channels: int
    """Interleaved."""
    samples: str
    """FFmpeg's name of their format: s16le, f32le ..."""

    @property
    def frame_bytes(self) -> int:
        """Size of one sample of every channel."""
        return self.channels * _WIDTHS[self.samples]


def parse_raw(text: str) -> RawFormat:
    """Read `RATE,CHANNELS,FORMAT`, as in `44100,2,s16le`.

    Raises:
        UsageError: saying what is allowed.
    """
    parts = [part.strip() for part in text.split(",")]
    if len(parts) != 3:
        raise UsageError(f"raw is RATE,CHANNELS,FORMAT, like 44100,2,s16le; got {text!r}")
    rate, channels, samples = parts
    if samples not in _WIDTHS:
        raise UsageError(f"no raw format {samples!r}; take one of {', '.join(_WIDTHS)}")
    return RawFormat(
        _between("sample rate", rate, _HIGHEST_RATE),
        _between("number of channels", channels, _MOST_CHANNELS),
        samples,
    )


def write_wave(source: Path, raw: RawFormat, target: IO[bytes]) -> None:
    """Write the samples of `source` to `target` as a WAV file, unchanged.

    Raises:
        NoAudio: where there is not one sample.
        DecodeError: where the last frame is not whole: something in `raw` is wrong.
        OSError: where a file cannot be read or written.
    """
    size, frame = source.stat().st_size, raw.frame_bytes
    if size == 0:
        raise NoAudio(f"{str(source)!r} is empty (0 bytes); get a whole copy")
    if size % frame:
        raise DecodeError(
            f"{str(source)!r} has {size} bytes, which is not a whole number of frames of {frame} "
            f"bytes ({raw.channels} times {raw.samples}); check the channels and the format, or "
            f"cut off {size % frame} bytes"
        )
    target.write(_header(raw, size))
    with open(source, "rb") as file:
        for block in _blocks(file, frame * _BLOCK_FRAMES):
            target.write(_little_endian(block, raw))


def _between(what: str, text: str, highest: int) -> int:
    if not (text.isascii() and text.isdecimal() and 1 <= int(text) <= highest):
        raise UsageError(f"raw {what} is a number from 1 to {highest}; got {text!r}")
    return int(text)


def _header(raw: RawFormat, size: int) -> bytes:
    tag = 3 if raw.samples.startswith("f") else 1
    per_second = raw.sample_rate * raw.frame_bytes
    bits = 8 * _WIDTHS[raw.samples]
    form = struct.pack(
        *("<4sIHHIIHH", b"fmt ", 16, tag, raw.channels, raw.sample_rate),
        *(per_second & 0xFFFFFFFF, raw.frame_bytes, bits),
    )
    fits = size + 36 < _OPEN_SIZE
    sizes = (size + 36, size) if fits else (_OPEN_SIZE, _OPEN_SIZE)
    return (
        struct.pack("<4sI4s", b"RIFF", sizes[0], b"WAVE")
        + form
        + struct.pack("<4sI", b"data", sizes[1])
    )


def _blocks(file: BinaryIO, size: int) -> Iterator[bytes]:
    while block := file.read(size):
        yield block


def _little_endian(block: bytes, raw: RawFormat) -> bytes:
    if not raw.samples.endswith("be"):
        return block
    samples = np.frombuffer(block, np.uint8).reshape(-1, _WIDTHS[raw.samples])
    return samples[:, ::-1].tobytes()
