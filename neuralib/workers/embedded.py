"""The worker of a laptop: a thread of `neuralib serve`."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Literal

from neuralib.queue.base import TASK_KINDS, TaskKind, WorkerInfo
from neuralib.queue.embedded import EmbeddedQueue
from neuralib.workers.runner import Runner

_LOOK_SECONDS = 0.5
"""How soon an idle worker sees that it shall leave."""


class EmbeddedWorker:
    """Takes jobs from the queue of its own process and runs them, one at a time.

    Args:
        runner: runs the jobs; closed with the worker.
        queue: where they come from.
        kinds: of tasks that it takes; within a lane each goes first in turn.
        name: by which it is listed.
    """

    def __init__(
        self,
        runner: Runner,
        queue: EmbeddedQueue,
        kinds: Sequence[TaskKind] = TASK_KINDS,
        name: str = "embedded",
    ) -> None:
        self._runner = runner
        self._queue = queue
        self._kinds = tuple(kinds)
        self._name = name
        self._thread = threading.Thread(target=self._work, name="worker", daemon=True)

    def start(self) -> None:
        """Begin to take jobs."""
        self._queue.on_stop(self._runner.stop)
        self._thread.start()

    def stop(self, grace_seconds: float = 0.0) -> None:
        """Take no more jobs; wait for the one that runs, and hand it back where it takes longer."""
        self._runner.leave(grace_seconds)
        self._thread.join()
        self._runner.close()

    def _work(self) -> None:
        self._tell("idle", None)
        order = self._kinds
        while not self._runner.leaving:
            job_id = self._queue.take(order, _LOOK_SECONDS)
            if job_id is not None:
                order = order[1:] + order[:1]
                self._tell("busy", job_id)
                self._runner.run(job_id)
                self._tell("idle", None)
        self._queue.forget(self._name)

    def _tell(self, state: Literal["idle", "busy"], job_id: str | None) -> None:
        self._queue.tell(WorkerInfo(self._name, self._kinds, state, job_id))
