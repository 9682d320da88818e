"""The lanes of RQ that one worker takes jobs from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from redis import Redis
from rq import Queue
from rq.utils import as_text

from neuralib.queue.base import LANES, TaskKind
from neuralib.queue.rq_job import lane_name, lane_queue

_TAKE_SECONDS = 1
"""How soon an idle worker sees that it shall leave."""

Taken = tuple[Queue, "bytes | str"]
"""A queue, and the id of the job that was its first."""


class Lanes:
    """Takes from the high lanes first; within a lane each kind of task goes first in turn.

    Args:
        connection: to Redis.
        kinds: of tasks that are taken.
    """

    def __init__(self, connection: Redis, kinds: Sequence[TaskKind]) -> None:
        self._connection = connection
        self._lanes = [[lane_queue(connection, kind, lane) for kind in kinds] for lane in LANES]
        self._by_key = {queue.key: queue for queue in self.queues}

    @property
    def queues(self) -> list[Queue]:
        """All of them, in the order in which they are looked at now."""
        return [queue for lane in self._lanes for queue in lane]

    def take(self) -> Taken | None:
        """Wait a little for a job of any lane.

        Raises:
            RedisError: where Redis does not answer.
        """
        found = self._connection.blpop([queue.key for queue in self.queues], _TAKE_SECONDS)
        if found is None:
            return None
        for lane in self._lanes:
            lane.append(lane.pop(0))
        key, job_id = found
        return self._by_key[as_text(key)], job_id

    def take_beside(self, kind: TaskKind) -> Taken | None:
        """Take a job of the kind that runs at once, unless one of another would go before it.

        Where a worker waits for such a job it has got it already, so none is kept from it.

        Raises:
            RedisError: where Redis does not answer.
        """
        with self._connection.pipeline(transaction=False) as pipe:
            for queue in self.queues:
                pipe.llen(queue.key)
            waiting = dict(zip((queue.name for queue in self.queues), pipe.execute(), strict=True))
        for lane, queues in zip(LANES, self._lanes, strict=True):
            name = lane_name(kind, lane)
            if any(waiting[queue.name] for queue in queues if queue.name != name):
                return None
            if waiting[name]:
                queue = next(queue for queue in queues if queue.name == name)
                job_id = cast("bytes | None", self._connection.lpop(queue.key))
                return None if job_id is None else (queue, job_id)
        return None
