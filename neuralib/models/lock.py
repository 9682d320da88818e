"""One process at a time: locks that a killed process leaves open."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from neuralib.errors import OutputError


@contextmanager
def locked(target: Path) -> Iterator[None]:
    """Hold the lock of `target` while the block runs, waiting for whoever holds it now.

    The lock is a file beside `target`, in the folder `.locks`; the operating system frees it
    when its holder ends, however that ends.

    Raises:
        OutputError: where the folder cannot be written.
    """
    import filelock

    folder = target.parent / ".locks"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = filelock.FileLock(folder / f"{target.name}.lock", thread_local=False)
        lock.acquire()
    except NotImplementedError:
        raise OutputError(
            f"{target.parent} is on a file system without locks; name another folder by "
            "NEURALIB_MODELS_DIR"
        ) from None
    except OSError as error:
        raise cannot_write(target.parent, error) from None
    try:
        yield
    finally:
        lock.release()


def cannot_write(folder: Path, error: OSError) -> OutputError:
    """Say that `folder` cannot be written, and what to do."""
    return OutputError(
        f"cannot write in {folder}: {error.strerror or error}; make room or give permission, or "
        "name another folder by NEURALIB_MODELS_DIR"
    )
