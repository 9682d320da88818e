"""The one thread of a process that reads the bus, for all who listen."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Mapping
from typing import NamedTuple

from neuralib.errors import EventsUnreachable
from neuralib.events.base import Events
from neuralib.events.channel import Channel
from neuralib.events.event import Entry
from neuralib.events.listener import Item
from neuralib.events.message import Reset

_LOG = logging.getLogger(__name__)

_WAIT_SECONDS = 5.0
_RETRY_SECONDS = 0.2
_MAXIMUM_REST_SECONDS = 0.1
_SUSPICIOUS = 500
"""So many events of a tenant at once: the reader is late, and may be too late for some."""


class Delivery(NamedTuple):
    """What a channel's listeners are to get."""

    channel: Channel
    items: list[Item]


class Reader(threading.Thread):
    """Reads what is new for all channels, and hands it to the event loop.

    After each round it rests for about as long as sending takes. So a few listeners are served
    at once, and for many the events of the meantime go out together.
    """

    def __init__(
        self,
        events: Events,
        channels: Mapping[str, Channel],
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        """Read `events` for `channels`, which the event loop may change at any time."""
        super().__init__(name="events", daemon=True)
        self._events = events
        self._channels = channels
        self._loop = loop
        self._stopping = threading.Event()
        self._sent = threading.Event()
        self._lost = False

    def stop(self) -> None:
        """Let the thread end, after the wait that is under way."""
        self._stopping.set()

    def run(self) -> None:
        """Read until `stop`; an outage of the bus is waited for."""
        while not self._stopping.is_set():
            try:
                self._round()
            except Exception as error:  # without this thread all streams would stand still
                if self._loop.is_closed():
                    return
                self._report(error)
                self._lost = True
                self._stopping.wait(_RETRY_SECONDS)

    def _report(self, error: Exception) -> None:
        if isinstance(error, EventsUnreachable):
            if not self._lost:
                _LOG.warning("lost the events: %s", error, extra={"action": "events.lost"})
        else:
            _LOG.error("cannot read events", exc_info=error, extra={"action": "events.failed"})

    def _round(self) -> None:
        channels = dict(self._channels)
        if self._lost:
            self._hand_over([self._recovered(channel) for channel in channels.values()])
            self._lost = False
            _LOG.warning("the events are back", extra={"action": "events.back"})
        cursors = {tenant: channel.cursor for tenant, channel in channels.items()}
        found = self._events.wait(cursors, _WAIT_SECONDS)
        self._hand_over([self._news(channels[tenant], found[tenant]) for tenant in found])

    def _news(self, channel: Channel, entries: list[Entry]) -> Delivery:
        items: list[Item] = [*channel.news(entries)]
        late = len(entries) >= _SUSPICIOUS
        if late and self._events.since(channel.tenant, channel.cursor, limit=1) is None:
            items.append(Reset(entries[-1].id))
        return Delivery(channel, items)

    def _recovered(self, channel: Channel) -> Delivery:
        """Read what was published meanwhile; what could not be is to be looked up in SQL."""
        entries = self._events.since(channel.tenant, channel.cursor) or []
        last = entries[-1].id if entries else self._events.last_id(channel.tenant)
        return Delivery(channel, [*channel.news(entries), Reset(last)])

    def _hand_over(self, deliveries: list[Delivery]) -> None:
        if not deliveries:
            return
        for channel, items in deliveries:
            channel.cursor = items[-1].id
        began = time.monotonic()
        self._loop.call_soon_threadsafe(self._deliver, deliveries)
        if self._sent.wait(_MAXIMUM_REST_SECONDS):
            took = time.monotonic() - began
            self._stopping.wait(min(took, _MAXIMUM_REST_SECONDS))
        self._sent.clear()

    def _deliver(self, deliveries: list[Delivery]) -> None:
        for channel, items in deliveries:
            channel.deliver(items)
        self._loop.call_soon(self._sent.set)  # after all that has woken now
