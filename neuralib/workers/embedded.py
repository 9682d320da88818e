"""The worker of a laptop: a thread of `neuralib serve`."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Literal

from neuralib.queue.base import TASK_KINDS, TaskKind, WorkerInfo
from neuralib.queue.embedded import EmbeddedQueue
from neuralib.workers.runner import Runner
from neuralib.workers.team import LOOK_SECONDS, Team

_LOOK_SECONDS = 0.5
"""How soon an idle worker sees that it shall leave."""


class EmbeddedWorker:
    """Takes jobs from the queue of its own process and runs them.

    Args:
        runner: runs the jobs; closed with the worker.
        queue: where they come from.
        kinds: of tasks that it takes; within a lane each goes first in turn.
        name: by which it is listed.
        together: short jobs that may be under way at once; see `Team`.
    """

    def __init__(
        self,
        runner: Runner,
        queue: EmbeddedQueue,
        kinds: Sequence[TaskKind] = TASK_KINDS,
        name: str = "embedded",
        together: int = 1,
    ) -> None:
        self._runner = runner
        self._team = Team(runner, together)
        self._queue = queue
        self._kinds = self._turns = tuple(kinds)
        self._name = name
        self._thread = threading.Thread(target=self._work, name="worker", daemon=True)

    def start(self) -> None:
        """Begin to take jobs."""
        self._queue.on_stop(self._runner.stop)
        self._thread.start()

    def stop(self, grace_seconds: float = 0.0) -> None:
        """Take no more jobs; wait for those that run, and hand back what takes longer."""
        self._runner.leave(grace_seconds)
        self._thread.join()
        self._runner.close()

    def _work(self) -> None:
        self._tell("idle", None)
        while not self._runner.leaving:
            job_id = self._take()
            if job_id is not None:
                self._tell("busy", job_id)
                self._team.run(job_id)
            running = self._runner.job_id
            self._tell("busy" if running else "idle", running)
        self._team.join()
        self._queue.forget(self._name)

    def _take(self) -> str | None:
        kind = self._team.kind
        if kind is None:
            job_id = self._queue.take(self._turns, _LOOK_SECONDS)
            if job_id is not None:
                self._turns = self._turns[1:] + self._turns[:1]
            return job_id
        beside = self._queue.take_beside(kind, self._kinds) if self._team.has_room else None
        if beside is None:
            self._team.wait(LOOK_SECONDS)
        return beside

    def _tell(self, state: Literal["idle", "busy"], job_id: str | None) -> None:
        self._queue.tell(WorkerInfo(self._name, self._kinds, state, job_id))
