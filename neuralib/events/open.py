"""Which event bus the settings name."""

from __future__ import annotations

from neuralib.events.base import Events
from neuralib.events.embedded import EmbeddedEvents
from neuralib.events.redis import RedisEvents
from neuralib.settings import Settings


def open_events(settings: Settings) -> Events:
    """Open the bus in Redis where one is named; else one inside this process.

    Raises:
        UsageError: where the address is written wrongly.
    """
    if settings.redis_url is None:
        return EmbeddedEvents()
    return RedisEvents(settings.redis_url.get_secret_value())
