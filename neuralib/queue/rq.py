"""The queue of a cluster: RQ's, in Redis."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timezone
from typing import Any

from redis import Redis
from rq.utils import as_text, str_to_date
from rq.worker_registration import REDIS_WORKER_KEYS

from neuralib.queue.base import LANES, TASK_KINDS, Depth, Lane, Queue, TaskKind, WorkerInfo
from neuralib.queue.rq_connection import connect, mapped
from neuralib.queue.rq_job import RunJob, kinds_of, lane_queue, new_job

STOP_CHANNEL = "neuralib:stop"
"""Every worker listens here for ids of jobs that shall stop."""

WORKER_FIELDS = ("queues", "state", "current_job", "death")
"""What a worker says about itself in its hash, as far as it is shown."""


class RqQueue(Queue):
    """Puts ids where `neuralib worker` takes them.

    Args:
        url: of the Redis.

    Raises:
        UsageError: where `url` is no address of a Redis.
    """

    def __init__(self, url: str) -> None:
        self._redis: Redis = connect(url)
        self._lanes = {
            (kind, lane): lane_queue(self._redis, kind, lane)
            for kind in TASK_KINDS
            for lane in LANES
        }

    def put(self, job_id: str, kind: TaskKind, lane: Lane = "normal") -> None:
        """Append the id to its lane, in one transaction with what RQ keeps of it."""
        with mapped(self._redis), self._redis.pipeline() as pipe:
            self._lanes[kind, lane].enqueue_job(new_job(self._redis, job_id), pipeline=pipe)
            pipe.execute()

    def remove(self, job_id: str, kind: TaskKind) -> None:
        """Take the id out of its lane."""
        with mapped(self._redis), self._redis.pipeline() as pipe:
            for lane in LANES:
                pipe.lrem(self._lanes[kind, lane].key, 0, job_id)
            pipe.delete(RunJob.key_for(job_id))
            pipe.execute()

    def stop(self, job_id: str) -> None:
        """Tell all workers; the one that runs the job stops it."""
        with mapped(self._redis):
            self._redis.publish(STOP_CHANNEL, job_id)

    def missing(self, jobs: Collection[tuple[str, TaskKind]]) -> set[str]:
        """Tell which of these ids wait in no lane; reads the lanes whole, so ask for many."""
        kinds = {kind for _, kind in jobs}
        waiting: set[str] = set()
        with mapped(self._redis):
            for kind in kinds:
                for lane in LANES:
                    waiting.update(self._lanes[kind, lane].get_job_ids())
        return {job_id for job_id, _ in jobs} - waiting

    def depths(self) -> list[Depth]:
        """Measure every lane."""
        places = list(self._lanes)
        with mapped(self._redis):
            pipe = self._redis.pipeline(transaction=False)
            for place in places:
                pipe.llen(self._lanes[place].key)
                pipe.lindex(self._lanes[place].key, 0)
            found = pipe.execute()
            counts, first = found[::2], found[1::2]
            for job_id in first:
                pipe.hget(RunJob.key_for((job_id or b"").decode()), "enqueued_at")
            since = pipe.execute()
        return [
            Depth(kind, lane, waiting, _age_seconds(came))
            for (kind, lane), waiting, came in zip(places, counts, since, strict=True)
        ]

    def workers(self) -> list[WorkerInfo]:
        """List the workers whose hash has not run out."""
        with mapped(self._redis):
            keys = sorted(as_text(key) for key in self._redis.smembers(REDIS_WORKER_KEYS))
            pipe = self._redis.pipeline(transaction=False)
            for key in keys:
                pipe.hmget(key, WORKER_FIELDS)
            told = pipe.execute()
        listed = (_worker(key, fields) for key, fields in zip(keys, told, strict=True))
        return [worker for worker in listed if worker]

    def ping(self) -> None:
        """Make sure that Redis answers."""
        with mapped(self._redis):
            self._redis.ping()

    def close(self) -> None:
        """Close the connections."""
        self._redis.close()


def _age_seconds(came: bytes | None) -> float:
    if not came:
        return 0.0
    age = datetime.now(timezone.utc) - str_to_date(came)
    return max(age.total_seconds(), 0.0)


def _worker(key: str, fields: list[bytes | None]) -> WorkerInfo | None:
    told: dict[str, Any] = {
        name: value.decode() for name, value in zip(WORKER_FIELDS, fields, strict=True) if value
    }
    kinds = kinds_of(told.get("queues", ""))
    if "death" in told or not kinds:
        return None
    busy = told.get("state") == "busy"
    name = key.removeprefix("rq:worker:")
    return WorkerInfo(name, kinds, "busy" if busy else "idle", told.get("current_job"))
