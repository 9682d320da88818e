"""Each bus, for the suite that both must pass."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import pytest

from neuralib.events.base import Events
from neuralib.events.embedded import EmbeddedEvents
from neuralib.events.redis import RedisEvents

_numbers = count()


@pytest.fixture(params=["embedded", "redis"])
def events(request: pytest.FixtureRequest) -> Iterator[Events]:
    """A bus."""
    bus: Events
    if request.param == "embedded":
        bus = EmbeddedEvents()
    else:
        bus = RedisEvents(request.getfixturevalue("redis_url"))
    yield bus
    bus.close()


@pytest.fixture
def tenant() -> str:
    """Whose stream is still empty."""
    return f"tenant-{next(_numbers)}"
