"""Whether the files of a model are those that they should be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from neuralib.models.digest import sha256_of

CheckState = Literal["right", "right start", "damaged", "missing"]
"""`right start`: the sha256 begins as published, and no more of it is."""


@dataclass(frozen=True)
class Check:
    """What reading one file of a model showed."""

    path: Path
    state: CheckState
    expected: str
    """sha256, 64 hex digits or the first 8."""
    got: str | None
    """sha256 of the file; None: there is none."""

    @property
    def is_right(self) -> bool:
        """Whether the file is there, and as expected as far as that is known."""
        return self.state in ("right", "right start")


def check_file(path: Path, expected: str, report: Callable[[int], None] | None = None) -> Check:
    """Read the whole file at `path` and compare its sha256 with `expected`.

    Args:
        path: the file; need not exist.
        expected: 64 hex digits, or the first of them.
        report: told now and then how many bytes have been read.
    """
    try:
        got = sha256_of(path, report)
    except OSError:
        return Check(path, "missing", expected, None)
    if not got.startswith(expected):
        return Check(path, "damaged", expected, got)
    return Check(path, "right" if got == expected else "right start", expected, got)
