"""Objects as files in a folder of this machine."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from neuralib.errors import NeuraLibError, NotFound, OutputError, StorageUnreachable
from neuralib.storage.base import BLOCK_BYTES, Storage
from neuralib.storage.keys import check_key, check_prefix

_DRAFTS = ".drafts"
"""Folder of what is not whole yet; no key begins with a dot, so nothing there can be read."""
_ABANDONED_SECONDS = 24 * 3600.0
"""A draft that was not written to for so long belongs to a process that died."""
_RENAMES = 20
"""How often a folder is made anew that is removed before something is renamed into it."""
_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class FolderStorage(Storage):
    """Keeps each object as the file of its key below `root`, which is made when it is needed.

    Several processes may share the folder. A draft is renamed into its place when its bytes are
    on the disk, and then the folders that name it are written through too: SQL says that a sample
    is there right after `put`, and must not be the only one to remember it after a loss of power.
    """

    def __init__(self, root: Path) -> None:
        self.root = root.expanduser().absolute()
        self._remove_abandoned()

    def put(self, key: str, path: Path) -> None:
        """Copy the file beside its place, write it through, and rename it."""
        target = self.root / check_key(key)
        with path.open("rb") as source:
            try:
                self._store(source, target)
            except OSError as error:
                raise self._failure(error) from None

    def _store(self, source: BinaryIO, target: Path) -> None:
        draft = self._draft()
        try:
            with draft.open("wb") as file:
                shutil.copyfileobj(source, file, BLOCK_BYTES)
                file.flush()
                os.fsync(file.fileno())
            for folder in self._publish(draft, target):
                _write_through(folder)
        finally:
            draft.unlink(missing_ok=True)

    def _publish(self, draft: Path, target: Path) -> list[Path]:
        """Rename the draft; give the folders that a new name was written to."""
        left = _RENAMES
        while True:
            left -= 1
            try:
                changed = _make_folder(target.parent, self.root)
                draft.replace(target)
                return changed
            except (FileNotFoundError, FileExistsError):  # `remove` was quicker
                if not left:
                    raise

    def _draft(self) -> Path:
        folder = self.root / _DRAFTS
        folder.mkdir(parents=True, exist_ok=True)
        return folder / secrets.token_hex(12)

    def size(self, key: str) -> int:
        """Ask the file system."""
        with self._open(key) as file:
            return os.fstat(file.fileno()).st_size

    def borrow(self, key: str, path: Path) -> None:
        """Link the file where both are on one disk; what is put later is another file."""
        try:
            path.unlink(missing_ok=True)
            os.link(self.root / check_key(key), path)
        except OSError:  # another disk, no such object, or a file system without links
            self.fetch(key, path)

    def read(self, key: str, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        """Read the file; it stays the same one when the object is replaced meanwhile."""
        blocks = self._blocks(key, start, length)
        next(blocks)  # opens the file: from here on, letting go of the generator closes it
        return blocks

    def _blocks(self, key: str, start: int, length: int | None) -> Iterator[bytes]:
        with self._open(key) as file:
            yield b""
            try:
                file.seek(start)
                left = os.fstat(file.fileno()).st_size if length is None else length
                while block := file.read(min(BLOCK_BYTES, left)):
                    left -= len(block)
                    yield block
            except OSError as error:
                raise self._failure(error) from None

    def _open(self, key: str) -> BinaryIO:
        try:
            return (self.root / check_key(key)).open("rb")
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            raise NotFound(f"there is no object {key!r} in the storage") from None
        except OSError as error:
            raise self._failure(error) from None

    def remove(self, prefix: str) -> None:
        """Remove files, then the folders that held nothing else."""
        name, _, start = check_prefix(prefix).rpartition("/")
        folder = self.root / name
        try:
            for found in _listed(folder):
                if found.name.startswith(start):
                    _remove_tree(found)
            if folder != self.root:
                _remove_folder(folder)
        except OSError as error:
            raise self._failure(error) from None

    def signed_url(self, key: str, seconds: int, filename: str) -> str | None:
        """A folder has no addresses."""
        check_key(key)
        return None

    def ping(self) -> None:
        """Write a draft, and read it again."""
        try:
            draft = self._draft()
            try:
                draft.write_bytes(b"ping")
                draft.read_bytes()
            finally:
                draft.unlink(missing_ok=True)
        except OSError as error:
            raise self._failure(error) from None

    def _failure(self, error: OSError) -> NeuraLibError:
        reason = error.strerror or str(error)
        if error.errno in _NO_ROOM:
            return OutputError(
                f"the storage folder {str(self.root)!r} takes no more: {reason}; free some space "
                "there, or remove samples with `neuralib samples rm`"
            )
        return StorageUnreachable(
            f"the storage folder {str(self.root)!r} cannot be used: {reason}; check that it is "
            "mounted, and that this user may read and write there"
        )

    def _remove_abandoned(self) -> None:
        oldest = time.time() - _ABANDONED_SECONDS
        with contextlib.suppress(OSError):  # `ping` and `put` tell what is wrong with the folder
            for draft in _listed(self.root / _DRAFTS):
                if draft.stat().st_mtime < oldest:
                    draft.unlink(missing_ok=True)


def _make_folder(folder: Path, root: Path) -> list[Path]:
    """Make `folder`; give it and those above it that a new name was written to."""
    changed = [folder]
    while not folder.is_dir() and folder != root.parent:
        folder = folder.parent
        changed.append(folder)
    changed[0].mkdir(parents=True, exist_ok=True)
    return changed


def _write_through(folder: Path) -> None:
    if os.name == "nt":  # folders cannot be opened there
        return
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except FileNotFoundError:  # removed meanwhile, with all that was in it
        return
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _listed(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []


def _remove_tree(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        for found in _listed(path):
            _remove_tree(found)
        _remove_folder(path)
    else:
        with contextlib.suppress(IsADirectoryError):  # something was put there meanwhile
            path.unlink(missing_ok=True)


def _remove_folder(folder: Path) -> None:
    """Remove it where it is empty; something may have been put there meanwhile."""
    try:
        folder.rmdir()
    except OSError as error:
        if error.errno not in (errno.ENOENT, errno.ENOTDIR, errno.ENOTEMPTY, errno.EEXIST):
            raise
