"""One object of the storage that somebody may read."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class StoredFile:
    """The bytes of a sample or of a result."""

    key: str
    """Where the storage has it."""
    name: str
    """What it is saved as; in an archive a path with `/`."""
    bytes: int
    sha256: str
