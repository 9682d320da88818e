"""All results of a job in one zip, made while it is sent."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from zipstream import ZIP_STORED, ZipStream

from neuralib.service.stored import StoredFile
from neuralib.storage.base import Storage


def archive(storage: Storage, files: Sequence[StoredFile]) -> tuple[Iterator[bytes], int]:
    """Pack `files` under their names, as they are: audio hardly shrinks.

    Returns:
        The zip in blocks, each made when it is asked for, and its length in bytes.

    Raises:
        NotFound: where the storage has lost one of them.
        StorageUnreachable: where the storage does not answer.
    """
    for file in files:
        storage.size(file.key)  # told now: once the zip has begun, it can only break off
    packed = ZipStream(compress_type=ZIP_STORED, sized=True)
    for file in files:
        packed.add(_read(storage, file), file.name, size=file.bytes)
    return iter(packed), len(packed)


def _read(storage: Storage, file: StoredFile) -> Iterator[bytes]:
    # A generator, so that the storage is asked only when the file's turn has come.
    yield from storage.read(file.key)
