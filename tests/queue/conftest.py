from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest
from redis import Redis

from neuralib.queue.base import LANES, Queue, TaskKind
from neuralib.queue.embedded import EmbeddedQueue
from neuralib.queue.rq import RqQueue
from neuralib.queue.rq_job import lane_queue


def take(queue: Queue, kinds: Sequence[TaskKind]) -> str | None:
    """What the next worker of `kinds` gets, in the order in which workers look."""
    if isinstance(queue, EmbeddedQueue):
        return queue.take(kinds, timeout_seconds=0)
    assert isinstance(queue, RqQueue)
    for lane in LANES:
        for kind in kinds:
            found = queue._redis.lpop(lane_queue(queue._redis, kind, lane).key)
            if isinstance(found, bytes):
                return found.decode()
    return None


@pytest.fixture(params=["embedded", "rq"])
def queue(request: pytest.FixtureRequest) -> Iterator[Queue]:
    """Each queue in turn, empty."""
    if request.param == "embedded":
        yield EmbeddedQueue()
        return
    url = request.getfixturevalue("redis_url")
    with Redis.from_url(url) as client:
        client.flushdb()
    queue = RqQueue(url)
    yield queue
    queue.close()
