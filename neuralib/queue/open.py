"""From `NEURALIB_REDIS_URL` to a queue."""

from __future__ import annotations

from neuralib.queue.base import Queue
from neuralib.queue.embedded import EmbeddedQueue
from neuralib.settings import Settings


def open_queue(settings: Settings) -> Queue:
    """Open the queue that the settings name; without one, a queue inside this process.

    Nothing is reached yet: `Queue.ping` tells whether it works.

    Raises:
        UsageError: where the address cannot be understood.
    """
    if settings.redis_url is None:
        return EmbeddedQueue()
    # RQ takes a fifth of a second to import, which a laptop need not wait for.
    from neuralib.queue.rq import RqQueue

    return RqQueue(settings.redis_url.get_secret_value())
