"""What the engines get of a model: the paths of its checkpoint, and how they belong together."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Kind = Literal["separate", "midi", "transcribe"]
"""The task that a model is for; the same words as in `tasks`."""


@dataclass(frozen=True)
class ModelFiles:
    """A model that is on this machine, whole."""

    name: str
    """Name in the catalogue, name of the import, or the local file's name without its suffix."""
    paths: tuple[Path, ...]
    """The checkpoint, one path a sub-model, in the bag's order; the same path may come twice."""
    weights: tuple[tuple[float, ...], ...] | None = None
    """Of a bag: one row a sub-model, one column a stem; None: all alike."""
    segment_seconds: float | None = None
    """Of a bag: the longest segment that its models are run on; None: as each model says."""
    licence: str = "unknown"
    """Under which terms the weights may be used, for a person to read."""
