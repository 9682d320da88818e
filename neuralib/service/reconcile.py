"""Making good for what got lost: workers that died, jobs that no queue has, ends nobody told."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Iterator

from neuralib.errors import ClusterError
from neuralib.service.announce import dispatch, event_of, publish
from neuralib.service.parts import Parts
from neuralib.service.untold import Untold

_LOG = logging.getLogger(__name__)

SWEEP_SECONDS = 5.0
"""Time between two sweeps of a gateway."""
_SETTLED_SECONDS = 5.0
"""A job that waits for less than this may still be on its way into the queue."""
_PAGE = 10_000
"""Jobs compared at once; a queue is read whole for each page."""


class Reconciler:
    """Compares SQL, which is the truth, with leases, queues and events; any number may run."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._untold = Untold(parts)

    def sweep(self) -> int:
        """End runs whose lease ran out, put jobs that no queue has, and tell of untold ends.

        Returns:
            How many jobs were ended or put.

        Raises:
            ClusterError: where a part does not answer; what is left is for the next sweep.
        """
        jobs = self._end_lost_runs() + self._put_missing()
        self._untold.tell()
        return jobs

    @contextlib.contextmanager
    def running(self, every_seconds: float = SWEEP_SECONDS) -> Iterator[None]:
        """Sweep now and again and again, in its own thread, for the length of a `with` block."""
        stop = threading.Event()

        def run() -> None:
            is_well = self._try_sweep(was_well=True)
            while not stop.wait(every_seconds):
                is_well = self._try_sweep(was_well=is_well)

        thread = threading.Thread(target=run, name="reconciler", daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()

    def _try_sweep(self, *, was_well: bool) -> bool:
        try:
            self.sweep()
        except ClusterError as error:
            if was_well:  # an outage is told once, not every few seconds
                _LOG.warning(
                    "cannot look for lost jobs: %s",
                    error.message,
                    extra={"action": "reconciler.unable"},
                )
            return False
        except Exception:
            _LOG.exception("a sweep for lost jobs failed", extra={"action": "reconciler.failed"})
            return False
        return True

    def _end_lost_runs(self) -> int:
        lost = self._parts.jobs.sweep()
        for job in lost:
            publish(self._parts.events, job.tenant, event_of(job))
            if job.state == "queued":
                dispatch(self._parts.queue, job, job.lane)
            _LOG.warning(
                "the worker of job %s is gone; the job is %s",
                *(job.id, job.state),
                extra={"action": "job.lost", "job_id": job.id},
            )
        return len(lost)

    def _put_missing(self) -> int:
        put = 0
        after = None
        while rows := self._parts.jobs.waiting(
            older_than_seconds=_SETTLED_SECONDS, limit=_PAGE, after=after
        ):
            after = rows[-1].id
            missing = self._parts.queue.missing([(row.id, row.kind) for row in rows])
            for row in rows:
                if row.id in missing:
                    self._parts.queue.put(row.id, row.kind, row.lane)
                    put += 1
        if put:
            _LOG.warning(
                "put %d %s that no queue had",
                *(put, "job" if put == 1 else "jobs"),
                extra={"action": "reconciler.put", "jobs": put},
            )
        return put
