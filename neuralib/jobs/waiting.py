"""A job that waits for a worker."""

from __future__ import annotations

from typing import NamedTuple

from neuralib.jobs.job import Lane, TaskKind


class Waiting(NamedTuple):
    """What a queue has to know of a job."""

    id: str
    kind: TaskKind
    lane: Lane
