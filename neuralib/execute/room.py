"""Is there room on the disk for what a run will write?"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from neuralib.errors import OutputError
from neuralib.execute.source import Source

_LEAST_BIT_RATE = 4000
"""Of sound that somebody made, in bits a second: AMR has 4750."""


def check_temporary_room(source: Source, bytes_a_second: float, what: str) -> None:
    """Make sure that temporary files for all of an input fit, by the length that it promises.

    A header may promise hours where there are seconds; what the file cannot hold is not asked for.

    Raises:
        InputError: as `Source.probe` does.
        OutputError: as `check_room` does.
    """
    most_seconds = source.path.stat().st_size * 8 / _LEAST_BIT_RATE
    seconds = min(source.probe().seconds or 0.0, most_seconds)
    check_room(Path(tempfile.gettempdir()), seconds * bytes_a_second, what)


def check_room(folder: Path, needed_bytes: float, what: str) -> None:
    """Make sure that a disk has room, before hours are spent on what it cannot take.

    A file system that does not tell what is free has room.

    Args:
        folder: on this disk.
        needed_bytes: as far as they can be known; better too few than too many.
        what: is to be written, for the message.

    Raises:
        OutputError: what is needed, what is free, and what to do.
    """
    try:
        free_bytes = shutil.disk_usage(folder).free
    except OSError:
        return
    if needed_bytes > free_bytes:
        raise OutputError(
            f"{what} need {_size(needed_bytes)} on the disk, and {_size(free_bytes)} are free; "
            f"free some space in {str(folder)!r}, or choose another place (-o for results, TMPDIR "
            "for temporary files)"
        )


def _size(size_bytes: float) -> str:
    """Write a size with two digits at least, so that two that differ look different."""
    for unit, name in ((1e9, "GB"), (1e6, "MB")):
        if size_bytes >= unit:
            return f"{size_bytes / unit:.1f} {name}"
    return f"{size_bytes / 1e3:.1f} kB"
