"""Objects of the storage: what somebody may read, and what goes with its sample."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass

from neuralib.errors import ClusterError, NotFound, OutputError
from neuralib.jobs.sample import Sample
from neuralib.service.parts import Parts
from neuralib.storage.base import Storage
from neuralib.storage.keys import sample_prefix

_LOG = logging.getLogger(__name__)


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


def remove_objects(parts: Parts, sample: Sample) -> None:
    """Remove what the storage has of a sample and of its results."""
    try:
        parts.storage.remove(sample_prefix(sample.tenant, sample.id))
    except (ClusterError, OutputError) as error:
        _LOG.warning(
            "the bytes of sample %s stay in the storage: %s",
            *(sample.id, error.message),
            extra={"action": "sample.left_behind", "sample_id": sample.id},
        )
