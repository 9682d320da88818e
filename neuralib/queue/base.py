"""What every queue can do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

TaskKind = Literal["separate", "midi", "transcribe"]
Lane = Literal["normal", "high"]

TASK_KINDS: tuple[TaskKind, ...] = ("separate", "midi", "transcribe")
LANES: tuple[Lane, ...] = ("high", "normal")
"""In the order in which a worker looks at them."""


@dataclass(frozen=True)
class Depth:
    """How much waits in one lane of one queue."""

    kind: TaskKind
    lane: Lane
    waiting: int
    age_seconds: float
    """How long the first one has waited; 0 where none waits."""


@dataclass(frozen=True)
class WorkerInfo:
    """A worker that was heard of lately."""

    name: str
    kinds: tuple[TaskKind, ...]
    state: Literal["idle", "busy"]
    job_id: str | None


class Queue(ABC):
    """One queue a task, two lanes each; carries job ids and nothing else.

    SQL is the truth: an id that is lost here is put again by the reconciler, and one that comes
    twice has no effect the second time, for a job can be claimed once.

    Raises (all methods):
        QueueUnreachable: where the broker does not answer.
    """

    @abstractmethod
    def put(self, job_id: str, kind: TaskKind, lane: Lane = "normal") -> None:
        """Let a worker know of a queued job."""

    @abstractmethod
    def remove(self, job_id: str, kind: TaskKind) -> None:
        """Forget a job that waits; it may be gone already."""

    @abstractmethod
    def stop(self, job_id: str) -> None:
        """Ask the worker that runs the job to stop; there may be none."""

    @abstractmethod
    def missing(self, jobs: Collection[tuple[str, TaskKind]]) -> set[str]:
        """Tell which of these ids wait in no lane."""

    @abstractmethod
    def depths(self) -> list[Depth]:
        """Measure every lane, also the empty ones."""

    @abstractmethod
    def workers(self) -> list[WorkerInfo]:
        """List the workers."""

    @abstractmethod
    def ping(self) -> None:
        """Make sure that the broker answers."""
