"""Checkpoints that the user has brought into the models folder under a name."""

from __future__ import annotations

from pathlib import Path

from neuralib.models.checkpoint import FORMS
from neuralib.models.files import Kind


class Imported:
    """Folders `<name>/`, each with one checkpoint, or with a bag and its checkpoints."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def find(self, name: str) -> Path | None:
        """Give the checkpoint, or the bag, that was imported as `name`."""
        return None

    def names(self, kind: Kind) -> list[str]:
        """Name the imports for one task."""
        assert FORMS[kind]
        return []
