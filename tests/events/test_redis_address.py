"""Addresses of a Redis."""

from __future__ import annotations

from pathlib import Path

import pytest

from neuralib.errors import EventsUnreachable
from neuralib.events.redis import RedisEvents


def test_a_redis_may_be_behind_a_socket(tmp_path: Path) -> None:
    events = RedisEvents((tmp_path / "redis.sock").as_uri().replace("file:", "unix:"))
    with pytest.raises(EventsUnreachable, match="No such file"):
        events.ping()
