"""Files that become results, and what killed runs left of them."""

from __future__ import annotations

import contextlib
import hashlib
import os
import platform
import re
import secrets
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from functools import cache
from pathlib import Path

from neuralib.errors import cannot_write

if sys.platform != "win32":
    import fcntl


def draft_name() -> str:
    """Make a hidden name that no other draft has; it tells those of this machine apart."""
    return f".neuralib-{_host()}-{secrets.token_hex(6)}.part"


def make_draft(path: Path, held: ExitStack, data: bytes) -> None:
    """Make a file that begins with `data`, and lock it until `held` is closed.

    The system unlocks it when its process ends, however that ends; so `sweep` knows what nobody
    needs any more.

    Raises:
        OSError: where it cannot be made; FileNotFoundError where something took it away, too.
    """
    if sys.platform == "win32":  # what is open could not be renamed
        path.write_bytes(data)
        return
    draft = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    held.callback(os.close, draft)
    with contextlib.suppress(OSError):  # not every file system has locks
        fcntl.flock(draft, fcntl.LOCK_EX)
    path.stat()  # it may have been swept before it was locked
    if data:
        _write(draft, data)


def _write(draft: int, data: bytes) -> None:
    while data:
        data = data[os.write(draft, data) :]
    # Network disks and quotas tell that there is no room when a file is closed.
    os.close(os.dup(draft))


def digest_of(data: bytes) -> tuple[str, int]:
    """Give the sha256 and the size of a whole file."""
    return hashlib.sha256(data).hexdigest(), len(data)


def digest(name: str, draft: Path) -> tuple[str, int]:
    """Give the sha256 and the size of a draft, which messages call by the name of its result.

    Raises:
        OutputError: where the disk refuses.
    """
    hasher = hashlib.sha256()
    size = 0
    try:
        with draft.open("rb") as file:
            while chunk := file.read(1 << 20):
                hasher.update(chunk)
                size += len(chunk)
    except OSError as error:
        raise cannot_write(name, error) from None
    return hasher.hexdigest(), size


def sweep(folder: Path) -> None:
    """Remove the drafts that runs on this machine left in a folder when they were killed.

    On Windows they stay, for nothing tells them from those of a run that goes on.
    """
    if sys.platform == "win32":
        return
    for path in _drafts(folder):
        with contextlib.suppress(OSError), path.open("rb") as draft:  # somebody else's, or gone
            fcntl.flock(draft, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink()


def _drafts(folder: Path) -> Iterator[Path]:
    ours = re.compile(rf"\.neuralib-{_host()}-[0-9a-f]{{12}}\.part")
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if ours.fullmatch(entry.name) and entry.is_file(follow_symlinks=False):
                yield Path(entry)


@cache
def _host() -> str:
    return hashlib.sha256(platform.node().encode()).hexdigest()[:8]
