"""Objects of the storage that somebody may read."""

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


@dataclass(frozen=True)
class StoredFiles:
    """All results of a job."""

    name: str
    """What they are saved as together, without a suffix."""
    files: tuple[StoredFile, ...]
