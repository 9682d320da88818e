"""Rows of numbers that are too many for memory, and wait in a file."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from neuralib.errors import OutputError

Rows = NDArray[np.float32]
"""(rows, width)."""

_PIECE_BYTES = 1 << 20


class Spool:
    """Grows in a temporary file without a name, and is read through the memory of the system.

    The file is open for as long as the context lasts; what `finish` gave stays readable after it,
    and what was not used for a while gives its memory to others.

    Args:
        width: of a row.
        label: what messages call it.
    """

    def __init__(self, width: int, label: str) -> None:
        self._width = width
        self._label = label
        self._rows = 0
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the context

    def __enter__(self) -> Spool:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with contextlib.suppress(OSError):  # what could not be written was told
            self._file.close()

    def append(self, rows: Rows) -> None:
        """Add rows.

        Raises:
            OutputError: where the folder for temporary files is full.
        """
        self._write(rows)
        self._rows += len(rows)

    def update(self, function: Callable[[Rows], Rows]) -> None:
        """Put other numbers in the place of those that are there, some rows at a time.

        Raises:
            OutputError: where the disk refuses.
        """
        size = max(_PIECE_BYTES // (self._width * 4), 1) * self._width * 4
        for place in range(0, self._rows * self._width * 4, size):
            self._file.seek(place)
            rows = np.frombuffer(self._file.read(size), np.float32).reshape(-1, self._width)
            self._file.seek(place)
            self._write(function(rows))

    def finish(self) -> Rows:
        """Give all rows; what is written to them changes no file."""
        self._file.flush()
        shape = (self._rows, self._width)
        if not self._rows:  # an empty file cannot be mapped
            return np.zeros(shape, np.float32)
        return np.asarray(np.memmap(self._file, np.float32, "c", shape=shape))

    def _write(self, rows: Rows) -> None:
        try:
            self._file.write(np.ascontiguousarray(rows, np.float32).data)
            # An error shows now, and not when the file is closed.
            self._file.flush()
        except OSError as error:
            raise OutputError(
                f"{self._label} cannot be kept in {tempfile.gettempdir()} ({error.strerror}); "
                "free some space there, or set TMPDIR to another folder"
            ) from error
