"""A folder for the temporary files of a worker."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import time
from pathlib import Path

from filelock import FileLock, Timeout

_PREFIX = "neuralib-worker-"
_LOCK = "lock"
_YOUNG_SECONDS = 60.0
"""A folder without a lock that is younger belongs to a worker that starts just now."""


class Scratch:
    """Is locked for as long as its process lives, so that others see what a dead one left.

    Making one removes what workers left that were killed: recordings are large, and a worker
    that dies again and again would fill the disk.
    """

    def __init__(self) -> None:
        _remove_abandoned(Path(tempfile.gettempdir()))
        self.path = Path(tempfile.mkdtemp(prefix=_PREFIX))
        self._lock = FileLock(self.path / _LOCK, thread_local=False)
        self._lock.acquire()

    def remove(self) -> None:
        """Remove the folder with all that is in it."""
        self._lock.release()  # first: Windows removes no file that is open
        shutil.rmtree(self.path, ignore_errors=True)


def _remove_abandoned(parent: Path) -> None:
    for folder in parent.glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):  # gone already, or somebody else's
            if _is_abandoned(folder):
                shutil.rmtree(folder, ignore_errors=True)


def _is_abandoned(folder: Path) -> bool:
    if not (folder / _LOCK).exists():
        return time.time() - folder.stat().st_mtime > _YOUNG_SECONDS
    try:
        with FileLock(folder / _LOCK, timeout=0):
            return True
    except Timeout:
        return False
