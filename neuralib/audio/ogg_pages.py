"""Ogg pages with a number that does not vary.

Every Ogg stream bears a serial number, which libsndfile draws from the clock. Here it is set
to one, so that the same samples give the same bytes. The layout of a page: RFC 3533, section 6.
"""

from __future__ import annotations

import os
import zlib

_HEADER_BYTES = 27
_SERIAL = slice(14, 18)
_CHECKSUM = slice(22, 26)
_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


class OggPages:
    """A file to write to, in memory, which gives back whole pages.

    A file in memory also keeps errors of the disk out of libsndfile's callbacks, in which they
    would be lost.
    """

    def __init__(self) -> None:
        self._waiting = bytearray()
        self._position = 0

    def write(self, data: bytes) -> int:
        """Append."""
        self._waiting += data
        self._position += len(data)
        return len(data)

    def tell(self) -> int:
        """Give the number of bytes written so far."""
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Stay at the end, the only place that an Ogg stream is written to."""
        return self._position

    def take(self) -> bytes:
        """Remove and return the whole pages that have been written."""
        taken = bytearray()
        while (length := _page_length(self._waiting)) is not None:
            taken += _steady(self._waiting[:length])
            del self._waiting[:length]
        return bytes(taken)


def _page_length(data: bytearray) -> int | None:
    """Give the length of the page at the start of `data`, or None if it is not all there."""
    if len(data) < _HEADER_BYTES:
        return None
    lacing_end = _HEADER_BYTES + data[_HEADER_BYTES - 1]
    length = lacing_end + sum(data[_HEADER_BYTES:lacing_end])
    return length if len(data) >= length else None


def _steady(page: bytearray) -> bytearray:
    page[_SERIAL] = (1).to_bytes(4, "little")
    page[_CHECKSUM] = bytes(4)
    page[_CHECKSUM] = ogg_checksum(page).to_bytes(4, "little")
    return page


def ogg_checksum(page: bytes | bytearray) -> int:
    """Compute Ogg's CRC-32: zlib's polynomial with bits in the other order, from and to zero."""
    mirrored = zlib.crc32(page.translate(_REVERSED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int(f"{mirrored:032b}"[::-1], 2)
