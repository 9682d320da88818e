"""Parts of a file, as `Range` asks for them (RFC 9110, section 14)."""

from __future__ import annotations

import re
from dataclasses import dataclass

_RANGE = re.compile(r"\s*bytes\s*=\s*(\d*)\s*-\s*(\d*)\s*", re.ASCII | re.IGNORECASE)
_MOST_DIGITS = 20
"""Of a number of bytes, in 64 bits; longer ones are not written by anybody who means them."""


class NotSatisfiable(Exception):
    """The file has no byte that was asked for."""


@dataclass(frozen=True)
class Part:
    """Some bytes of a file."""

    start: int
    length: int

    def content_range(self, size: int) -> str:
        """Give the header that says which part of the file this is."""
        return f"bytes {self.start}-{self.start + self.length - 1}/{size}"


def part_of(header: str | None, size: int) -> Part | None:
    """Find the part that the header `Range` asks for.

    Several parts at once, other units, and what cannot be read are ignored, as the standard
    allows.

    Args:
        header: such as `bytes=0-499`, `bytes=500-` or `bytes=-500` (the last 500).
        size: of the file in bytes.

    Returns:
        The part; None: the whole file.

    Raises:
        NotSatisfiable: where the file ends before the part begins.
    """
    match = _RANGE.fullmatch(header or "")
    if match is None:
        return None
    first, last = match.groups()
    if (not first and not last) or max(len(first), len(last)) > _MOST_DIGITS:
        return None
    if not first:
        start, end = max(0, size - int(last)), size - 1
    else:
        start, end = int(first), min(int(last or size), size - 1)
        if last and int(last) < start:
            return None
    if start >= size:
        raise NotSatisfiable
    return Part(start, end - start + 1)
