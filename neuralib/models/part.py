"""A file that is arriving: kept when the transfer breaks, named only when whole and right."""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path
from types import TracebackType

from neuralib.errors import DownloadError, OutputError
from neuralib.models.entry import CatalogueFile
from neuralib.models.lock import cannot_write

_READ_BYTES = 1 << 20


class Part:
    """The file `<target>.part` and the sha256 of what it holds.

    A full disk leaves it as it is: its bytes are right, and the next attempt goes on after them.
    """

    def __init__(self, target: Path) -> None:
        self.target = target
        self.path = target.with_name(target.name + ".part")
        self.size = 0

    def __enter__(self) -> Part:
        self._digest = hashlib.sha256()
        try:
            # Unbuffered, so that what `size` counts is on the disk when the process is killed,
            # and that closing after a failed write does not fail again.
            self._file = self.path.open("a+b", buffering=0)
            self._file.seek(0)
            while chunk := self._file.read(_READ_BYTES):
                self._digest.update(chunk)
                self.size += len(chunk)
        except OSError as error:
            raise cannot_write(self.path.parent, error) from None
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()
        if self.size == 0:
            self.path.unlink(missing_ok=True)

    def append(self, chunk: bytes) -> None:
        """Write `chunk` at the end.

        Raises:
            OutputError: where the disk is full, or writing fails otherwise.
        """
        rest = memoryview(chunk)
        try:
            while rest:
                count = self._file.write(rest)
                self._digest.update(rest[:count])
                self.size += count
                rest = rest[count:]
        except OSError as error:
            raise OutputError(
                f"cannot write {self.path}: {error.strerror or error}; its {self.size} bytes are "
                "kept: make room and run the same command again to go on"
            ) from None

    def restart(self) -> None:
        """Throw away what is there."""
        self._file.truncate(0)
        self._digest = hashlib.sha256()
        self.size = 0

    def check_space(self, total_bytes: int) -> None:
        """See that the rest of `total_bytes` fits on the disk.

        Raises:
            OutputError: where it does not.
        """
        needed = total_bytes - self.size
        free = shutil.disk_usage(self.path.parent).free
        if needed > free:
            raise OutputError(
                f"{self.target.name} needs {_megabytes(needed)} more in {self.path.parent}, where "
                f"{_megabytes(free)} are free; make room, or name another folder by "
                "NEURALIB_MODELS_DIR"
            )

    def finish(self, file: CatalogueFile, host: str) -> None:
        """Check the whole file, and give it its name.

        Raises:
            DownloadError: where it is not what the catalogue says; it is removed.
            OutputError: where it cannot be renamed.
        """
        got = self._digest.hexdigest()
        if not got.startswith(file.sha256):
            self._file.close()
            self.path.unlink()
            raise DownloadError(
                f"{file.name} from {host} has the sha256 {got[:16]}…, not {file.sha256[:16]}…, and "
                "was removed; try again, and see whether a proxy or a mirror changes the file"
            )
        try:
            os.fsync(self._file.fileno())
            self._file.close()
            os.replace(self.path, self.target)
        except OSError as error:
            raise cannot_write(self.path.parent, error) from None


def _megabytes(count: int) -> str:
    return f"{count / 1e6:.1f} MB"
