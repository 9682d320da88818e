"""A file for FFmpeg to write to."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path


class Sink:
    """Takes FFmpeg's bytes, and keeps what goes wrong for the caller to raise.

    PyAV prints a traceback for every exception but the first that its callbacks raise, and
    loses a KeyboardInterrupt. Where FFmpeg opens the file instead, PyAV does not close it when
    not even the header fits on the disk.
    """

    def __init__(self, path: Path) -> None:
        self._file = open(path, "wb")  # noqa: SIM115 - `close` and `abandon` close it
        self._error: BaseException | None = None

    def write(self, data: bytes) -> int:
        """Write all of `data`, or nothing more after an error."""
        if self._error is None:
            try:
                return self._file.write(data)
            except BaseException as error:
                self._error = error
        return len(data)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move, or stay after an error."""
        if self._error is None:
            try:
                return self._file.seek(offset, whence)
            except BaseException as error:
                self._error = error
        return offset

    def tell(self) -> int:
        """Give the position."""
        return self.seek(0, os.SEEK_CUR)

    def check(self) -> None:
        """Raise what went wrong since the start."""
        if self._error is not None:
            raise self._error

    def close(self) -> None:
        """Close, and raise what went wrong at last."""
        self.check()
        self._file.close()

    def abandon(self) -> None:
        """Close without a word."""
        with contextlib.suppress(OSError):
            self._file.close()
