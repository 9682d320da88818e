"""The event bus of a cluster: one capped Redis stream a tenant."""

from __future__ import annotations

import logging
import math
import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import redis
from pydantic import ValidationError
from redis.backoff import ExponentialBackoff
from redis.retry import Retry

from neuralib.errors import EventsUnreachable, UsageError
from neuralib.events.base import KEPT_EVENTS, Events
from neuralib.events.event import Entry, Event
from neuralib.events.order import order_of

_LOG = logging.getLogger(__name__)

KEY_PREFIX = "neuralib:events:"
BEFORE_FIRST = "0-0"
"""Comes before every id that Redis gives."""

_BATCH = 1000
"""Events of a tenant that one `wait` gives at most."""
_BLOCK_SECONDS = 5.0
"""Longest time in one blocking command: a connection that is dead shows after it."""
_TIMEOUT_SECONDS = 5.0
"""Longest time for Redis to take a connection, or to answer."""
_WAKE_KEPT_SECONDS = 60
_LOST_TWICE = (redis.ConnectionError, redis.TimeoutError)


class RedisEvents(Events):
    """Streams in Redis, `neuralib:events:<tenant>`, for any number of processes."""

    def __init__(self, url: str) -> None:
        """Open lazily.

        Args:
            url: `redis://[[user]:password@]host[:port][/database]`, or `rediss://` for TLS.

        Raises:
            UsageError: where it is no such address.
        """
        # A connection of the pool may have died since it was last used: try a new one at once, and
        # only one, for a Redis that keeps silent makes everybody wait as often.
        retry = Retry(ExponentialBackoff(cap=0.1, base=0.02), 1)
        self._client = _connect(url, _TIMEOUT_SECONDS, retry)
        # Whoever waits must learn of a lost connection: events may have been lost with it.
        never = Retry(ExponentialBackoff(), 0)
        self._waiter = _connect(url, _BLOCK_SECONDS + _TIMEOUT_SECONDS, never, self._met)
        self._is_met = False
        self._wake_key = f"neuralib:wake:{secrets.token_hex(8)}"
        self._wake_seen = BEFORE_FIRST

    def publish(self, tenant: str, event: Event) -> str:
        """Append an event; give its id."""
        fields = {"event": event.model_dump_json()}
        with _reaching():
            added: bytes = self._client.xadd(_key(tenant), fields, maxlen=KEPT_EVENTS)  # type: ignore[assignment, arg-type]  # typed for async clients too; dict is invariant
        return added.decode()

    def last_id(self, tenant: str) -> str:
        """Give the id of the newest event; `0-0` before the first."""
        with _reaching():
            newest: Any = self._client.xrevrange(_key(tenant), count=1)
        return newest[0][0].decode() if newest else BEFORE_FIRST

    def since(self, tenant: str, after: str, limit: int | None = None) -> list[Entry] | None:
        """Give the events after the id `after`; None where it is not, or no longer, an id."""
        if order_of(after) is None:
            return None
        first_too = None if limit is None else limit + 1
        with _reaching(), self._client.pipeline(transaction=True) as pipeline:
            pipeline.xrange(_key(tenant), min=after, count=first_too)
            pipeline.xlen(_key(tenant))
            found, length = pipeline.execute()
        if after == BEFORE_FIRST:
            # Redis trims only what is beyond the cap, so a shorter stream is whole.
            return list(_entries(found[:limit])) if length < KEPT_EVENTS else None
        if not found or found[0][0] != after.encode():
            return None
        return list(_entries(found[1:]))

    def newest(self, tenant: str, limit: int) -> list[Entry]:
        """Give the newest events."""
        with _reaching():
            found: Any = self._client.xrevrange(_key(tenant), count=limit)
        return list(_entries(reversed(found)))

    def wait(self, after: Mapping[str, str], timeout_seconds: float) -> dict[str, list[Entry]]:
        """Wait until one of several tenants has events after an id.

        A lost connection is told, never mended in silence, so that the caller can look for
        what was lost with it.
        """
        tenants = {_key(tenant).encode(): tenant for tenant in after}
        cursors = {_key(tenant): event_id for tenant, event_id in after.items()}
        end = time.monotonic() + timeout_seconds
        while (left := end - time.monotonic()) > 0:
            # The own key is in the same command: no wake is lost, whenever it comes.
            streams = {**cursors, self._wake_key: self._wake_seen}
            milliseconds = math.ceil(min(left, _BLOCK_SECONDS) * 1000)
            reply = self._read(streams, milliseconds)
            read = {bytes(key): entries for key, entries in reply}
            woken = read.pop(self._wake_key.encode(), None)
            if woken:
                self._wake_seen = woken[-1][0].decode()
            news = {tenants[key]: list(_entries(entries)) for key, entries in read.items()}
            if woken or any(news.values()):
                return {tenant: entries for tenant, entries in news.items() if entries}
            cursors |= {key.decode(): entries[-1][0].decode() for key, entries in read.items()}
        return {}

    def _read(self, streams: dict[str, str], milliseconds: int) -> Any:
        try:
            with _reaching():
                return self._waiter.xread(streams, count=_BATCH, block=milliseconds)  # type: ignore[arg-type]  # dict is invariant
        except EventsUnreachable:
            self._is_met = False
            raise

    def _met(self, connection: redis.Connection) -> None:
        """Begin a connection of `wait`, but not a second one before the loss of the first is told.

        Else a connection that was lost between two calls would be replaced in silence.
        """
        if self._is_met:
            raise redis.ConnectionError("the connection was lost")
        connection.on_connect()  # type: ignore[no-untyped-call]  # the library leaves it so
        self._is_met = True

    def wake(self) -> None:
        """Let the `wait` of this object return at once."""
        with _reaching(), self._client.pipeline(transaction=True) as pipeline:
            pipeline.xadd(self._wake_key, {"wake": 1}, maxlen=1, approximate=False)
            pipeline.expire(self._wake_key, _WAKE_KEPT_SECONDS)
            pipeline.execute()

    def ping(self) -> None:
        """Make sure that Redis answers."""
        with _reaching():
            self._client.ping()

    def close(self) -> None:
        """Let go of all connections; a `wait` that is under way ends by itself."""
        self._client.close()
        self._waiter.close()


def _connect(
    url: str,
    timeout_seconds: float,
    retry: Retry,
    connected: Callable[[redis.Connection], None] | None = None,
) -> redis.Redis:
    keepalive = {} if url.startswith("unix:") else {"socket_keepalive": True}
    try:
        return redis.Redis.from_url(
            url,
            protocol=2,
            retry=retry,
            retry_on_error=list(_LOST_TWICE),
            socket_connect_timeout=_TIMEOUT_SECONDS,
            socket_timeout=timeout_seconds,
            redis_connect_func=connected,
            **keepalive,
        )
    except ValueError:
        raise UsageError(
            "NEURALIB_REDIS_URL is no address of a Redis; write redis://HOST:PORT/DATABASE, or "
            "rediss:// for TLS"
        ) from None


@contextmanager
def _reaching() -> Iterator[None]:
    """Map what the library raises."""
    try:
        yield
    except redis.RedisError as error:
        raise EventsUnreachable(
            f"the Redis of the events does not answer ({error}); check NEURALIB_REDIS_URL, and "
            "whether Redis runs"
        ) from error


def _key(tenant: str) -> str:
    return f"{KEY_PREFIX}{tenant}"


def _entries(found: Iterable[tuple[bytes, dict[bytes, bytes]]]) -> Iterator[Entry]:
    for event_id, fields in found:
        try:
            event = Event.model_validate_json(fields[b"event"])
        except (KeyError, TypeError, ValidationError):
            # Something of a newer version, or of a stranger: no reason to stop for all others.
            _LOG.warning(
                "left out event %s, which this version cannot read",
                event_id.decode(),
                extra={"action": "event.unreadable"},
            )
        else:
            yield Entry(event_id.decode(), event)
