"""Basic Pitch's graph, which ships inside its Python distribution."""

from __future__ import annotations

import importlib.metadata
from pathlib import Path

from neuralib.models.catalogue import BASIC_PITCH


def find_in_distribution(file: str, requirement: str = BASIC_PITCH) -> Path | None:
    """Find a file of an installed distribution by its name, without importing anything of it.

    Importing `basic_pitch` takes over a second and looks for TensorFlow.
    """
    try:
        distribution = importlib.metadata.distribution(requirement.partition("==")[0])
    except importlib.metadata.PackageNotFoundError:
        return None
    for each in distribution.files or ():
        if each.name == file:
            path = Path(str(distribution.locate_file(each)))
            return path if path.is_file() else None
    return None
