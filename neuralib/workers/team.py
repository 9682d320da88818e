"""Which jobs of one worker run beside each other, and which alone."""

from __future__ import annotations

import threading

from neuralib.jobs.claim import Claim
from neuralib.queue.base import TaskKind
from neuralib.workers.run import Run
from neuralib.workers.runner import Runner

LOOK_SECONDS = 0.25
"""How soon a worker with room sees that another job came."""

MOST_TOGETHER = 8
"""More are not asked for on any machine: by then the worker's own process is what they wait for."""

_SHORT_SECONDS = 5.0
"""Longer recordings keep all cores at work alone, and would only hold each other back."""


class Team:
    """Runs short jobs of one task and model beside each other, and every other one alone.

    All methods belong to one thread, which takes the jobs; it has to `wait` where there is no
    room for another.

    Args:
        runner: runs the jobs.
        most: jobs that may be under way together.
    """

    def __init__(self, runner: Runner, most: int) -> None:
        self._runner = runner
        self._most = most
        self._runs: list[Run] = []
        self._changed = threading.Condition()

    @property
    def kind(self) -> TaskKind | None:
        """Of the jobs that are under way; None: there are none."""
        with self._changed:
            return _claim(self._runs[0]).job.task.kind if self._runs else None

    @property
    def has_room(self) -> bool:
        """Whether another job like those that are under way may join them."""
        with self._changed:
            return len(self._runs) < self._most

    def run(self, job_id: str) -> None:
        """Run a job, beside those that are under way where it may, else after them.

        Returns:
            As soon as another job may join it; at its end where none may.
        """
        run = self._runner.begin(job_id)
        if run is None:
            return
        is_short = self._most > 1 and _is_short(_claim(run))
        if not is_short or not self._is_alike(run):
            self.join()
        if not is_short:
            self._runner.complete(run)
            return
        with self._changed:
            self._runs.append(run)
        try:
            threading.Thread(target=self._complete, args=(run,), name="run").start()
        except RuntimeError:  # the system gives no more threads
            self._complete(run)

    def wait(self, timeout_seconds: float) -> None:
        """Wait until a job has ended that was under way, or none is, or time is up."""
        with self._changed:
            under_way = max(len(self._runs), 1)  # all may have ended since the caller looked
            self._changed.wait_for(lambda: len(self._runs) < under_way, timeout_seconds)

    def join(self) -> None:
        """Wait until no job is under way."""
        while self.kind is not None:
            self.wait(LOOK_SECONDS)  # a wait without end would hear no signal on Windows

    def _complete(self, run: Run) -> None:
        try:
            self._runner.complete(run, beside=True)
        finally:
            with self._changed:
                self._runs.remove(run)
                self._changed.notify_all()

    def _is_alike(self, run: Run) -> bool:
        with self._changed:
            return all(_model(_claim(each)) == _model(_claim(run)) for each in self._runs)


def _claim(run: Run) -> Claim:
    assert run.claim is not None
    return run.claim


def _model(claim: Claim) -> tuple[TaskKind, str, str]:
    task = claim.job.task
    return task.kind, task.model, task.precision


def _is_short(claim: Claim) -> bool:
    """Tell whether a job leaves cores idle that another one could use.

    Separation and transcription take all cores, or the GPU, from the first to the last moment of
    their model. A job whose run went down with its process before runs alone, so that it costs no
    other job an attempt.
    """
    seconds = claim.sample.audio_seconds
    return (
        claim.job.task.kind == "midi"
        and seconds is not None
        and seconds <= _SHORT_SECONDS
        and claim.job.attempt <= 1
    )
