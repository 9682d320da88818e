"""Telling who waits for a job that no worker will take it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from neuralib.cli.cluster.base import Cluster
from neuralib.cli.console import note
from neuralib.errors import NeuraLibError
from neuralib.events.event import Event

_PATIENCE_SECONDS = 5.0
"""A worker that has just been started is known by then, and a free one has taken the job."""
_LOOK_SECONDS = 2.0


class Lookout:
    """Knows which jobs are queued, and says once for each task where nobody runs such jobs."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._lock = threading.Lock()
        self._queued: dict[str, tuple[str, float]] = {}
        """The task of each job that waits, and since when that is known here."""
        self._told: set[str] = set()

    def event(self, event: Event) -> None:
        """Take note of what happens to a job."""
        with self._lock:
            if event.state == "queued":
                self._queued.setdefault(event.job_id, (event.task, time.monotonic()))
            else:
                self._queued.pop(event.job_id, None)

    @contextmanager
    def running(self, *, enabled: bool = True) -> Iterator[None]:
        """Look now and then, in its own thread, for the length of a `with` block."""
        stop = threading.Event()

        def run() -> None:
            try:
                while not stop.wait(_LOOK_SECONDS):
                    self.look()
            except NeuraLibError:  # an older gateway, or one that is away: whoever waits says so
                return
            except Exception:
                if not stop.is_set():  # else the cluster was closed meanwhile
                    raise

        if enabled:
            # A thread that waits for a server must not keep an interrupted command alive.
            threading.Thread(target=run, daemon=True).start()
        try:
            yield
        finally:
            stop.set()

    def look(self) -> None:
        """Say for which tasks jobs have waited for a while, and no worker is there.

        Raises:
            ClusterError: where the cluster does not tell.
        """
        since = time.monotonic() - _PATIENCE_SECONDS
        with self._lock:
            late = {task for task, began in self._queued.values() if began <= since} - self._told
        workers = self._cluster.workers() if late else {}
        for task in late - {task for task, count in workers.items() if count}:
            self._told.add(task)
            note(
                f"no worker takes {task} jobs: they wait until `neuralib worker --queues {task}` "
                "is started on a machine of the cluster"
            )
