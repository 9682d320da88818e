"""What of a job is in Redis: its id, in the form that RQ and its tools read."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable
from typing import Any, NoReturn

from redis import Redis
from rq import Queue
from rq.job import Job
from rq.serializers import JSONSerializer

from neuralib.queue.base import LANES, TASK_KINDS, Lane, TaskKind

FUNCTION = "neuralib.queue.rq_job.run"
"""The only function that a job may name; nobody calls it."""

_FAILURE_TTL_SECONDS = 60
_NO_TIMEOUT = -1


def run(job_id: str) -> NoReturn:
    """Refuse to run in RQ's own worker, which would fork for each job."""
    raise RuntimeError(f"job {job_id} runs in `neuralib worker` only, not in `rq worker`")


class RunJob(Job):
    """A job of RQ that names no code: its payload is the id of a job in SQL.

    A serializer that is safe to read is not enough: RQ calls whatever dotted name it reads. So
    this one gives out the one allowed function, and callbacks never.
    """

    @property
    def func(self) -> Callable[..., Any]:
        """The allowed function.

        Raises:
            PermissionError: where the payload names another one, or an instance.
        """
        if self.instance is not None or self.func_name != FUNCTION:
            raise PermissionError(f"function {self.func_name!r} is not {FUNCTION!r}: not called")
        return run

    success_callback = None
    failure_callback = None
    stopped_callback = None


def is_ours(data: bytes, job_id: str) -> bool:
    """Tell whether a payload, as it lies in Redis, is what `new_job` puts there for `job_id`.

    It is compared, and never parsed.
    """
    expected = json.dumps((FUNCTION, None, (job_id,), {})).encode()
    try:
        return zlib.decompressobj().decompress(data, len(expected) + 1) == expected
    except zlib.error:
        return False


def lane_name(kind: TaskKind, lane: Lane) -> str:
    """Name the RQ queue of a lane."""
    return f"neuralib.{kind}.{lane}"


def kinds_of(names: str) -> tuple[TaskKind, ...]:
    """Tell which tasks somebody runs who listens on queues `names`, separated by commas."""
    listed = names.split(",")
    return tuple(
        kind for kind in TASK_KINDS if any(lane_name(kind, lane) in listed for lane in LANES)
    )


def lane_queue(connection: Redis, kind: TaskKind, lane: Lane) -> Queue:
    """Give RQ's queue of a lane."""
    return Queue(
        lane_name(kind, lane), connection=connection, job_class=RunJob, serializer=JSONSerializer
    )


def new_job(connection: Redis, job_id: str) -> RunJob:
    """Make what is put into Redis for a job."""
    job = RunJob.create(
        FUNCTION,
        args=(job_id,),
        id=job_id,
        connection=connection,
        serializer=JSONSerializer,
        description=job_id,
        timeout=_NO_TIMEOUT,
        result_ttl=0,
        failure_ttl=_FAILURE_TTL_SECONDS,
    )
    assert isinstance(job, RunJob)
    return job
