"""Runs jobs in a warm child process."""

from __future__ import annotations

import contextlib
import logging
import secrets
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import TypeVar

from neuralib.errors import ClusterError, DatabaseUnreachable, DeviceMissing, NeuraLibError
from neuralib.jobs.claim import Claim
from neuralib.service.runs import Runs
from neuralib.workers.child import Child, ChildGone
from neuralib.workers.errand import Errand
from neuralib.workers.messages import Answer, Failed, Finished, Told
from neuralib.workers.patience import patiently
from neuralib.workers.run import Run, Why
from neuralib.workers.shared_child import Killed, SharedChild

SOFT_STOP_SECONDS = 1.5
"""A run that does not end by itself in this time is killed with its process."""

_TICK_SECONDS = 0.5
_LONGEST_WAIT_SECONDS = 60.0

_LOG = logging.getLogger(__name__)

Verb = Callable[[], object]
"""What is done to a job at the end of its run."""

Value = TypeVar("Value")


class Runner:
    """Claims a job, lets the child compute it, renews its lease, and says how it ended.

    Every method may be called from any thread, and `leave` in a signal handler too.

    Args:
        runs: the verbs of a worker.
        child: what computes; nobody else may give it orders. Closed with the runner.
        name: of the worker.
        timeout_seconds: longest run of a job.
        idle_release_seconds: after this long without a job the child is ended.
    """

    def __init__(
        self,
        runs: Runs,
        child: Child,
        name: str,
        *,
        timeout_seconds: float,
        idle_release_seconds: float,
    ) -> None:
        self._runs = runs
        self._child = child
        self._shared = SharedChild(child)
        self.name = name
        self._timeout_seconds = timeout_seconds
        self._idle_release_seconds = idle_release_seconds
        self._under_way: tuple[Run, ...] = ()
        self._lock = threading.Lock()
        self._leave_at = float("inf")
        self._idle_since = time.monotonic()
        self._closed = threading.Event()
        self._ticker = threading.Thread(target=self._tick, name="lease", daemon=True)
        self._ticker.start()

    @property
    def job_id(self) -> str | None:
        """The job that runs, or is being claimed; of several the first."""
        return next((run.job_id for run in self._under_way), None)

    @property
    def leaving(self) -> bool:
        """Whether `leave` was called: no job shall be begun any more."""
        return self._leave_at != float("inf")

    def run(self, job_id: str) -> None:
        """Run a job to its end; nothing happens where it does not wait any more.

        Whatever goes wrong is told to the job or, where that cannot be, left to its lease.
        """
        run = self.begin(job_id)
        if run is not None:
            self.complete(run)

    def begin(self, job_id: str) -> Run | None:
        """Claim a job; None where it does not wait any more. `complete` has to follow."""
        run = Run(job_id)
        with self._lock:
            self._under_way += (run,)
        try:
            lease = secrets.token_hex(16)
            claim = self._surely(partial(self._runs.claim, job_id, self.name, lease))
            if claim is not None:
                run.begin(claim)
                return run
        except Exception as error:
            _left(job_id, error)
        self._end(run)
        return None

    def complete(self, run: Run, *, beside: bool = False) -> None:
        """Compute a job that was claimed, and say how it ended.

        Args:
            run: what `begin` gave.
            beside: at once, beside others; else after those that were begun before.
        """
        claim = run.claim
        assert claim is not None
        try:
            if self._surely(self._computed(run, claim, beside)) is None:  # the lease is lost
                self._surely(partial(self._runs.clean_up, claim))
        except Exception as error:
            _left(run.job_id, error)
        finally:
            self._end(run)

    def stop(self, job_id: str) -> None:
        """End the run of a job, if it is this one, within two seconds."""
        for run in self._under_way:
            if run.job_id == job_id:
                run.end(Why.STOPPED)
                self._child.wake()

    def leave(self, grace_seconds: float) -> None:
        """Begin no other job, and hand back what runs unless it ends in time."""
        self._leave_at = min(self._leave_at, time.monotonic() + grace_seconds)
        self._child.wake()

    def close(self) -> None:
        """End the child."""
        self._closed.set()
        self._ticker.join()
        self._shared.close()

    def _end(self, run: Run) -> None:
        with self._lock:
            self._under_way = tuple(each for each in self._under_way if each is not run)
            self._idle_since = time.monotonic()

    def _surely(self, call: Callable[[], Value]) -> Value:
        """Do something to a job in SQL, also where the database is away for a while."""
        return patiently(
            call,
            DatabaseUnreachable,
            may_wait=lambda waited: time.monotonic() < self._leave_at,
            told=_told,
        )

    def _computed(self, run: Run, claim: Claim, beside: bool) -> Verb:
        """Let the child compute; give what is to be done to the job then."""
        job, lease = claim.job, claim.lease
        run.ends_at = time.monotonic() + self._timeout_seconds
        try:
            answer = self._ask(run, claim, beside)
            if _is_full(answer):
                self._shared.end()
                answer = self._ask(run, claim, beside)
        except ChildGone as gone:
            if run.why is None:
                return partial(self._runs.crash, job.id, lease, str(gone))
            answer = None
        if isinstance(answer, Finished):
            return partial(self._runs.finish, job.id, lease, answer.result, answer.artifacts)
        if isinstance(answer, Failed) and run.why is None:
            return partial(self._runs.fail, job.id, lease, answer.error)
        return self._ended_early(run, claim)

    def _ended_early(self, run: Run, claim: Claim) -> Verb:
        job, lease = claim.job, claim.lease
        _LOG.info(
            "ended the run of job %s: %s",
            *(job.id, run.why and run.why.value),
            extra={"action": "run.ended", "job_id": job.id},
        )
        if run.why is Why.LEAVING:
            return partial(self._runs.hand_back, job.id, lease)
        # Where the job was cancelled its lease is gone, and this has no effect.
        return partial(self._runs.fail, job.id, lease, run.error(self._timeout_seconds))

    def _ask(self, run: Run, claim: Claim, beside: bool) -> Answer | None:
        """Have the task computed; anew where the process had to be ended for another run.

        Returns:
            None where the run was to end before it was begun, or did not end in time.
        """
        while not self._is_to_end(run):
            with contextlib.suppress(Killed):
                errand = self._shared.order(claim.job.task, claim.sample, beside=beside)
                return self._followed(errand, run, claim)
        return None

    def _is_to_end(self, run: Run) -> bool:
        now = time.monotonic()
        if now >= run.ends_at:
            run.end(Why.TIME_LIMIT)
        if now >= self._leave_at:
            run.end(Why.LEAVING)
        return run.why is not None

    def _followed(self, errand: Errand, run: Run, claim: Claim) -> Answer | None:
        """Wait for the end of an order; see to it that there is one."""
        kill_at = float("inf")
        while True:
            now = time.monotonic()
            if self._is_to_end(run) and kill_at == float("inf"):
                kill_at = now + SOFT_STOP_SECONDS
                self._shared.stop(errand)
            if now >= kill_at:
                self._shared.kill(errand)
            until = kill_at if run.why else min(run.ends_at, self._leave_at)
            answer = errand.receive(min(until - now, _LONGEST_WAIT_SECONDS))
            if isinstance(answer, Told):
                self._tell(run, claim, answer)
            elif answer is not None:
                return answer

    def _tell(self, run: Run, claim: Claim, told: Told) -> None:
        run.progress = max(run.progress, told.progress)
        if run.may_tell:
            self._runs.progress(claim, run.progress, told.eta_seconds)

    def _tick(self) -> None:
        said = False
        while not self._closed.wait(_TICK_SECONDS):
            if self.leaving and not said:
                said = True
                _LOG.info("worker %s leaves", self.name, extra={"action": "worker.leaves"})
            try:
                self._look()
            except Exception:  # without this thread every later job would lose its lease
                _LOG.exception("a fault in a worker", extra={"action": "worker.fault"})

    def _look(self) -> None:
        under_way = self._under_way
        for run in under_way:
            self._beat(run)
        if not under_way and self._child.pid is not None:
            self._release()

    def _beat(self, run: Run) -> None:
        if run.claim is None or run.why is not None or time.monotonic() < run.beat_at:
            return
        try:
            held = self._runs.beat(run.job_id, run.claim.lease, run.progress)
        except ClusterError as error:
            run.miss_beat(error.message)
            return
        except Exception as error:
            run.miss_beat(repr(error))
            return
        run.beat()
        if not held:
            run.end(Why.LOST)
            self._child.wake()

    def _release(self) -> None:
        if time.monotonic() < self._idle_since + self._idle_release_seconds:
            return
        with self._lock:
            if not self._under_way:
                self._shared.end()
                _LOG.info(
                    "let go of the models, after %g seconds without a job",
                    self._idle_release_seconds,
                    extra={"action": "worker.released"},
                )


def _is_full(answer: Answer | None) -> bool:
    """Tell whether a model of an earlier order of its process may be what fills the device."""
    if not isinstance(answer, Failed) or answer.number == 1:
        return False
    return answer.error.code == DeviceMissing.code


def _left(job_id: str, error: Exception) -> None:
    reason = repr(error)
    if isinstance(error, NeuraLibError):
        reason = error.message
    else:
        _LOG.error("a fault in a worker", exc_info=error, extra={"action": "worker.fault"})
    _LOG.error(
        "left job %s to its lease: %s",
        *(job_id, reason),
        extra={"action": "run.left", "job_id": job_id},
    )


def _told(error: ClusterError) -> None:
    _LOG.warning("waiting: %s", error.message, extra={"action": "worker.waits"})
