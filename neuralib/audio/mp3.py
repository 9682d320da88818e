"""Where the frames of an MP3 file begin, for files that begin with something else.

The header of a frame: ISO/IEC 11172-3, 2.4.2.3. The Xing header lies in a first frame without
sound, behind its side information; its LAME extension says how long the encoder's delay is. The
tag at the start of the file: ID3v2.4.0, section 3.1.
"""

from __future__ import annotations

from typing import BinaryIO

_SEARCHED_BYTES = 1 << 18
_MARKS = (b"Xing", b"Info")
_MARK_OFFSETS = (36, 21, 13)
"""From the frame's start to the mark: MPEG-1 stereo; MPEG-1 mono or MPEG-2 stereo; MPEG-2 mono."""


def start_behind_junk(file: BinaryIO) -> int | None:
    """Find the frame with the Xing header where it is not the first thing after the ID3 tags.

    FFmpeg looks for it there alone; it finds the sound behind junk, but then takes the header
    for sound and knows of no delay.

    Args:
        file: open and seekable; it is left where it was.

    Returns:
        Position in bytes; None where there is no junk, or no such header.
    """
    before = file.tell()
    try:
        start = _behind_tags(file)
        file.seek(start)
        head = file.read(_SEARCHED_BYTES)
    finally:
        file.seek(before)
    if _is_frame(head):
        return None
    found = (_frame_of(head, mark) for mark in _MARKS)
    return min((start + at for at in found if at is not None), default=None)


def _behind_tags(file: BinaryIO) -> int:
    start = 0
    while True:
        file.seek(start)
        header = file.read(10)
        if len(header) < 10 or header[:3] != b"ID3" or max(header[6:]) > 0x7F:
            return start
        size = int.from_bytes(header[6:], "big")
        # Seven bits of each byte count.
        size = sum((size >> 8 * at & 0x7F) << 7 * at for at in range(4))
        has_footer = header[5] & 0x10
        start += 10 + size + (10 if has_footer else 0)


def _frame_of(head: bytes, mark: bytes) -> int | None:
    at = head.find(mark)
    while at >= 0:
        for offset in _MARK_OFFSETS:
            if at >= offset and _is_frame(head[at - offset :]):
                return at - offset
        at = head.find(mark, at + 1)
    return None


def _is_frame(head: bytes) -> bool:
    """Whether a header of layer III is here, with a bit rate and a sample rate that exist."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE6 != 0xE2:
        return False
    return head[1] & 0x18 != 0x08 and head[2] & 0xF0 != 0xF0 and head[2] & 0x0C != 0x0C


class Behind:
    """The bytes of a file from `start` on, as a file that can only be read."""

    def __init__(self, file: BinaryIO, start: int) -> None:
        self._file = file
        self._start = start
        file.seek(start)

    def read(self, size: int = -1) -> bytes:
        """Read as a file does."""
        return self._file.read(size)

    def seek(self, position: int, whence: int = 0) -> int:
        """Move as in a file that begins at `start`."""
        if whence == 0:
            position += self._start
        return self._file.seek(position, whence) - self._start

    def tell(self) -> int:
        """Say where in this file the next byte is."""
        return self._file.tell() - self._start
