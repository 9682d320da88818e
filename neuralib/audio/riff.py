"""The chunks of a WAV file: what the header says about its samples, what is there, and one more.

The layout of the chunks: Microsoft and IBM, "Multimedia Programming Interface and Data
Specifications 1.0", 1991; 64-bit sizes in `ds64`: EBU Tech 3306, "RF64", 2009.
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from typing import BinaryIO

_OPEN_SIZES = (0, 0xFFFFFFFF)
"""Sizes that programs write which cannot go back to the header: recorders, pipes."""

_PCM_TAGS = (1, 0xFFFE)
"""Of integers, and of what says more of itself (WAVE_FORMAT_EXTENSIBLE): mostly integers."""

_CLIP_BYTES = 1 << 20
"""Of a longer file FFmpeg's packets cost little beside the rest."""

_MOST_CHUNKS = 10_000
"""A gigabyte of zeros has 134 million that are empty."""


@dataclass(frozen=True)
class WaveData:
    """The samples of a WAV file: where they are, how many, and of which kind; sizes in bytes."""

    declared: int | None
    """By the header; None where it leaves the length open."""
    present: int
    """From the first sample to the end of the file, chunks that follow included."""
    followed_by_chunks: bool
    """Whether the bytes after the declared length are chunks, or there are none."""
    bytes_per_second: int
    """By the header; 0 where it does not say."""
    start: int
    """Where the first sample is in the file."""
    is_pcm_16: bool
    """Whether they are integers of 16 bits, by the header."""
    frame_bytes: int
    """Size of a sample of all channels, by the header."""

    @property
    def is_clip(self) -> bool:
        """Whether there is less than what takes FFmpeg longer to read than to open."""
        return self.present <= _CLIP_BYTES

    def seconds(self, size: int) -> float:
        """Duration of `size` bytes."""
        return size / self.bytes_per_second if self.bytes_per_second else 0.0


def wave_data(file: BinaryIO) -> WaveData | None:
    """Find the samples in an open, seekable file, which is left where it was.

    Returns:
        None for anything but a RIFF or RF64 file with a `data` chunk.
    """
    start = file.tell()
    try:
        return _walk(file, file.seek(0, os.SEEK_END))
    finally:
        file.seek(start)


def append_chunk(file: BinaryIO, name: bytes, data: bytes) -> None:
    """Add a chunk to the end of an RF64 file whose first chunk is `ds64`, as it has to be.

    Args:
        file: open for reading and writing.
        name: four bytes.
        data: less than 4 GiB.
    """
    end = file.seek(0, os.SEEK_END)
    padding = bytes(end % 2)
    file.write(padding + struct.pack("<4sI", name, len(data)) + data + bytes(len(data) % 2))
    size = file.tell() - 8
    file.seek(20)  # behind RF64, its size, WAVE, ds64 and its size
    file.write(size.to_bytes(8, "little"))


def _walk(file: BinaryIO, end: int) -> WaveData | None:
    file.seek(0)
    form = file.read(12)
    if len(form) < 12 or form[:4] not in (b"RIFF", b"RF64", b"BW64") or form[8:] != b"WAVE":
        return None
    size_64: int | None = None
    format = bytes(16)
    for _ in range(_MOST_CHUNKS):
        if len(header := file.read(8)) < 8:
            break
        name, size = struct.unpack("<4sI", header)
        here = file.tell()
        if name == b"data":
            if size == 0xFFFFFFFF and size_64 is not None:
                size = size_64
            return _data(file, here, size, end, format)
        if name == b"ds64":
            size_64 = int.from_bytes(file.read(24)[8:16], "little")
        elif name == b"fmt ":
            format = file.read(16).ljust(16, b"\0")
        file.seek(here + size + size % 2)
    return None


def _data(file: BinaryIO, start: int, size: int, end: int, format: bytes) -> WaveData:
    tag, _, _, bytes_per_second, frame_bytes, bits = struct.unpack("<HHIIHH", format)
    declared: int | None = size
    chunks = _is_chunks(file, start + size + size % 2, end)
    if size in _OPEN_SIZES and not (size == 0 and chunks):
        declared, chunks = None, True
    return WaveData(
        declared=declared,
        present=end - start,
        followed_by_chunks=chunks,
        bytes_per_second=bytes_per_second,
        start=start,
        is_pcm_16=tag in _PCM_TAGS and bits == 16,
        frame_bytes=frame_bytes,
    )


def _is_chunks(file: BinaryIO, position: int, end: int) -> bool:
    """Whether chunks with printable names fill the file from `position` on."""
    for _ in range(_MOST_CHUNKS):
        if position >= end:
            return True
        file.seek(position)
        header = file.read(8)
        name, size = header[:4], int.from_bytes(header[4:], "little")
        if len(header) < 8 or not (name.isascii() and name.decode("ascii").isprintable()):
            return False
        position += 8 + size + size % 2
        # Padding after an odd last chunk is often forgotten.
        if position > end + 1:
            return False
    return False
