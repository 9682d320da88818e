"""What a worker and its child say to each other through their pipe."""

from __future__ import annotations

from dataclasses import dataclass

from neuralib.jobs.job import JobArtifact, JobError, JobResult
from neuralib.jobs.sample import Sample
from neuralib.queue.base import TaskKind
from neuralib.tasks import MidiTask, SeparateTask, TranscribeTask

MOST_BESIDE = 64
"""Orders that a child runs beside each other; what is more would wait there, deaf to a stop."""


@dataclass(frozen=True)
class Order:
    """To the child: run this."""

    number: int
    """Counts the orders of one child."""
    task: SeparateTask | MidiTask | TranscribeTask
    sample: Sample
    beside: bool = False
    """Run at once, in a thread beside others; else after all that was ordered before."""


@dataclass(frozen=True)
class Stop:
    """To the child: end the order of this number; one that has ended is left alone."""

    number: int


@dataclass(frozen=True)
class Check:
    """To the child: say what is missing for these tasks."""

    kinds: tuple[TaskKind, ...]


@dataclass(frozen=True)
class Told:
    """From the child: how far its order is."""

    progress: float
    """0 to 1, never less than before."""
    eta_seconds: float | None
    """Until it is done, where that can be told."""
    number: int = 0
    """Of the order; filled in where it is sent."""


@dataclass(frozen=True)
class Finished:
    """From the child: its order is done, and the artifacts are in the storage."""

    result: JobResult
    artifacts: tuple[JobArtifact, ...]
    number: int = 0
    """Of the order; filled in where it is sent."""


@dataclass(frozen=True)
class Failed:
    """From the child: its order cannot be done, or was stopped."""

    error: JobError
    number: int = 0
    """Of the order; filled in where it is sent."""


@dataclass(frozen=True)
class Checked:
    """From the child: what is wrong for each task; empty where nothing is."""

    errors: tuple[JobError, ...]
    number: int = 0
    """Of no order."""


Answer = Told | Finished | Failed | Checked
