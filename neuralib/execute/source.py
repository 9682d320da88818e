"""What a task runs on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Source:
    """One audio file on this machine."""

    path: Path
    name: str
    """What the results are named after: usually the file's name without its suffix."""
