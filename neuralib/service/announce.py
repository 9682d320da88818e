"""Telling the others what was committed: the listeners by an event, the workers by the queue."""

from __future__ import annotations

import logging
from datetime import datetime, timezone

from neuralib.errors import ClusterError
from neuralib.events.base import Events
from neuralib.events.event import Event, EventError
from neuralib.jobs.job import Job
from neuralib.queue.base import Lane, Queue

_LOG = logging.getLogger(__name__)


def event_of(job: Job, eta_seconds: float | None = None) -> Event:
    """Say what is true of a job now."""
    error = job.error and EventError(code=job.error.code, message=job.error.message)
    return Event(
        job_id=job.id,
        task=job.task.kind,
        state=job.state,
        progress=job.progress,
        eta_seconds=eta_seconds,
        attempt=job.attempt,
        error=error,
        at=datetime.now(timezone.utc),
    )


def publish(events: Events, tenant: str, event: Event) -> None:
    """Tell the listeners; where the bus is out of reach, they learn of it from SQL later."""
    try:
        events.publish(tenant, event)
    except ClusterError as error:
        _LOG.warning(
            "could not tell that job %s is %s: %s",
            *(event.job_id, event.state, error.message),
            extra={"action": "event.lost", "job_id": event.job_id},
        )


def dispatch(queue: Queue, job: Job, lane: Lane) -> None:
    """Let a worker know of a queued job; where that fails, the reconciler does it later."""
    try:
        queue.put(job.id, job.task.kind, lane)
    except ClusterError as error:
        _LOG.warning(
            "could not queue job %s, the reconciler will: %s",
            *(job.id, error.message),
            extra={"action": "job.undispatched", "job_id": job.id},
        )


def recall(queue: Queue, job: Job) -> None:
    """Let nobody start a cancelled job, and stop who runs it.

    Where the broker is out of reach, a worker that runs the job finds its lease lost at its next
    beat, and one that takes it later finds nothing to claim.
    """
    try:
        queue.remove(job.id, job.task.kind)
        queue.stop(job.id)
    except ClusterError as error:
        _LOG.warning(
            "could not stop job %s at once, its worker will at its next beat: %s",
            *(job.id, error.message),
            extra={"action": "job.unstopped", "job_id": job.id},
        )
