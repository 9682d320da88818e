"""sha256 of files, and a memory of it, so that gigabytes are not read at every start."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import threading
from collections.abc import Callable
from pathlib import Path

_CHUNK_BYTES = 1 << 20
_REMEMBERED = 256
"""Files whose sha256 is kept; the oldest are forgotten first."""


def sha256_of(path: Path, report: Callable[[int], None] | None = None) -> str:
    """Read the file at `path` and give its sha256 in 64 hex digits.

    Args:
        path: the file.
        report: told now and then how many bytes have been read.

    Raises:
        OSError: where the file cannot be read.
    """
    digest = hashlib.sha256()
    done = 0
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
            done += len(chunk)
            if report is not None:
                report(done)
    return digest.hexdigest()


class Digests:
    """Remembers the sha256 of files in a small JSON file.

    An entry holds as long as size, time of change and inode of its file are the same. It is a
    mere shortcut: where the JSON cannot be read or written, files are hashed again. `verify`
    never uses it.
    """

    def __init__(self, memory: Path) -> None:
        self._memory = memory

    def of(self, path: Path) -> str:
        """Give the sha256 of `path`, from memory where the file has not changed.

        Raises:
            OSError: where the file cannot be read.
        """
        key, state = _identity(path)
        known = self._read().get(key)
        if known is not None and known[:-1] == state:
            return known[-1]
        return self.remember(path, sha256_of(path))

    def remember(self, path: Path, sha256: str) -> str:
        """Keep the sha256 of `path`, which has just been computed, and return it."""
        key, state = _identity(path)
        entries = self._read()
        entries.pop(key, None)
        entries[key] = [*state, sha256]
        self._write(dict(list(entries.items())[-_REMEMBERED:]))
        return sha256

    def _read(self) -> dict[str, list[str]]:
        try:
            entries = json.loads(self._memory.read_text(encoding="utf-8"))
            return {str(key): [str(value) for value in entries[key]] for key in entries}
        except (OSError, ValueError, TypeError):
            return {}

    def _write(self, entries: dict[str, list[str]]) -> None:
        fresh = self._memory.with_name(f"{self._memory.name}.{os.getpid()}-{threading.get_ident()}")
        with contextlib.suppress(OSError):
            self._memory.parent.mkdir(parents=True, exist_ok=True)
            fresh.write_text(json.dumps(entries, indent=1), encoding="utf-8")
            os.replace(fresh, self._memory)


def _identity(path: Path) -> tuple[str, list[str]]:
    whole = path.resolve()
    status = whole.stat()
    return str(whole), [str(status.st_size), str(status.st_mtime_ns), str(status.st_ino)]
