"""A connection to the Redis that RQ's queues are in, and what goes wrong with it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from redis import Redis
from redis.exceptions import AuthenticationError, RedisError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from neuralib.errors import QueueUnreachable, UsageError

_TIMEOUT_SECONDS = 5
_HEALTH_CHECK_SECONDS = 15
"""A connection that was silent for longer is tried before it is used."""


def connect(url: str) -> Redis:
    """Give a client of the Redis at `url`; nothing is reached yet.

    Raises:
        UsageError: where it is no address of a Redis. The message never shows it, for it may
            hold a password.
    """
    options: dict[str, Any] = {
        "socket_connect_timeout": _TIMEOUT_SECONDS,
        "socket_timeout": _TIMEOUT_SECONDS,
        "socket_keepalive": True,
        "health_check_interval": _HEALTH_CHECK_SECONDS,
    }
    if url.startswith("unix:"):
        del options["socket_keepalive"]
    try:
        return Redis.from_url(url, **options)
    except ValueError:
        raise UsageError(
            "NEURALIB_REDIS_URL is not the address of a Redis; write redis://host:6379/0, "
            "rediss://host:6379/0 or unix:///path/to/socket"
        ) from None


def place_of(connection: Redis) -> str:
    """Name host and port for a message, without the password."""
    known = connection.connection_pool.connection_kwargs
    return str(known.get("path") or f"{known.get('host')}:{known.get('port')}")


@contextmanager
def mapped(connection: Redis) -> Iterator[None]:
    """Turn what redis raises in the block into QueueUnreachable."""
    try:
        yield
    except RedisError as error:
        raise _told(connection, error) from None


def _told(connection: Redis, error: RedisError) -> QueueUnreachable:
    place = place_of(connection)
    reason = str(error).rstrip(".") or type(error).__name__
    if isinstance(error, AuthenticationError):
        return QueueUnreachable(
            f"Redis at {place} refuses the credentials ({reason}); check user and password in "
            "NEURALIB_REDIS_URL"
        )
    if isinstance(error, (RedisConnectionError, RedisTimeoutError)):
        return QueueUnreachable(
            f"Redis at {place} does not answer ({reason}); start it, or check NEURALIB_REDIS_URL"
        )
    return QueueUnreachable(f"Redis at {place} cannot do it ({reason}); look into its log")
