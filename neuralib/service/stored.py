"""Objects of the storage that somebody may read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from neuralib.errors import NotFound
from neuralib.storage.base import Storage


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


def is_kept(storage: Storage, files: Iterable[StoredFile]) -> bool:
    """Tell whether the storage still has all of `files`, whole.

    Raises:
        StorageUnreachable: where that cannot be told now.
    """
    try:
        return all(storage.size(file.key) == file.bytes for file in files)
    except NotFound:
        return False
