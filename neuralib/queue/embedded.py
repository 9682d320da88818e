"""The queue of a laptop: inside the process that takes the jobs and runs them."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Sequence

from neuralib.queue.base import LANES, TASK_KINDS, Depth, Lane, Queue, TaskKind, WorkerInfo


class EmbeddedQueue(Queue):
    """Keeps the ids in memory; what is lost with the process, the reconciler puts again."""

    def __init__(self) -> None:
        self._waiting: dict[tuple[TaskKind, Lane], OrderedDict[str, float]] = {
            (kind, lane): OrderedDict() for kind in TASK_KINDS for lane in LANES
        }
        """When each id came, on the monotonic clock."""
        self._changed = threading.Condition()
        self._listeners: list[Callable[[str], None]] = []
        self._workers: dict[str, WorkerInfo] = {}

    def put(self, job_id: str, kind: TaskKind, lane: Lane = "normal") -> None:
        """Wake a consumer."""
        with self._changed:
            self._waiting[kind, lane].setdefault(job_id, time.monotonic())
            self._changed.notify_all()

    def remove(self, job_id: str, kind: TaskKind) -> None:
        """Forget a job that waits."""
        with self._changed:
            for lane in LANES:
                self._waiting[kind, lane].pop(job_id, None)

    def stop(self, job_id: str) -> None:
        """Tell everybody who gave a callback to `on_stop`."""
        for listener in tuple(self._listeners):
            listener(job_id)

    def missing(self, jobs: Collection[tuple[str, TaskKind]]) -> set[str]:
        """Tell which of these ids wait in no lane."""
        with self._changed:
            return {
                job_id
                for job_id, kind in jobs
                if not any(job_id in self._waiting[kind, lane] for lane in LANES)
            }

    def depths(self) -> list[Depth]:
        """Measure every lane."""
        now = time.monotonic()
        with self._changed:
            return [
                Depth(kind, lane, len(waiting), now - next(iter(waiting.values()), now))
                for (kind, lane), waiting in self._waiting.items()
            ]

    def workers(self) -> list[WorkerInfo]:
        """List the workers that told about themselves."""
        with self._changed:
            return list(self._workers.values())

    def ping(self) -> None:
        """Answer, as a process always does to itself."""

    def take(self, kinds: Sequence[TaskKind], timeout_seconds: float) -> str | None:
        """Take the id that has waited first: in the high lane, then in the normal one.

        Args:
            kinds: what the caller runs; in one lane an earlier kind goes first.
            timeout_seconds: wait this long; None is given back where nothing came.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._next(kinds) is not None, timeout_seconds)
            place = self._next(kinds)
            return self._waiting[place].popitem(last=False)[0] if place else None

    def take_beside(self, kind: TaskKind, kinds: Collection[TaskKind]) -> str | None:
        """Take the first id of one kind at once, unless one of another kind would go before it.

        Args:
            kind: what the caller has room for.
            kinds: what else it runs.

        Returns:
            None where there is none, or another has to be run first.
        """
        with self._changed:
            for lane in LANES:
                if any(self._waiting[other, lane] for other in kinds if other != kind):
                    return None
                if self._waiting[kind, lane]:
                    return self._waiting[kind, lane].popitem(last=False)[0]
        return None

    def on_stop(self, callback: Callable[[str], None]) -> None:
        """Call `callback` with the job's id whenever a job shall stop; in the caller's thread."""
        self._listeners.append(callback)

    def tell(self, worker: WorkerInfo) -> None:
        """Let `workers` list this worker, or its new state."""
        with self._changed:
            self._workers[worker.name] = worker

    def forget(self, name: str) -> None:
        """Let `workers` list this worker no more."""
        with self._changed:
            self._workers.pop(name, None)

    def _next(self, kinds: Sequence[TaskKind]) -> tuple[TaskKind, Lane] | None:
        places = ((kind, lane) for lane in LANES for kind in kinds)
        return next((place for place in places if self._waiting[place]), None)
