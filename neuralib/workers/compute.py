"""What a child does with its orders: the one thing that a benchmark or a test puts in its place."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from neuralib.jobs.job import JobError
from neuralib.progress import Report
from neuralib.queue.base import TaskKind
from neuralib.settings import Settings
from neuralib.workers.messages import Finished, Order


class Compute(Protocol):
    """Runs orders, and keeps between them what is dear to load."""

    def run(self, order: Order, report: Report) -> Finished:
        """Fetch the sample, run the task, store the artifacts.

        Orders that say so come in threads beside each other; all others one after the other, in
        the main thread.

        Args:
            order: what to do.
            report: to be called often; raises Cancelled where the order shall end.

        Raises:
            NeuraLibError: of the kind that tells what failed.
        """
        ...

    def check(self, kinds: tuple[TaskKind, ...]) -> tuple[JobError, ...]:
        """Say what is missing for tasks of these kinds, as far as that is known beforehand."""
        ...


OpenCompute = Callable[[Settings, Path], Compute]
"""Called in the child, with the settings and a folder of its own; a function of some module."""


def open_engines(settings: Settings, folder: Path) -> Compute:
    """Run tasks with real models. What that needs is imported here, in the child alone."""
    from neuralib.workers.engine_compute import EngineCompute

    return EngineCompute(settings, folder)
