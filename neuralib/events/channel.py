"""The events of one tenant, on their way to all who listen in this process."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence

from neuralib.events.base import Events
from neuralib.events.ended import EndedRuns
from neuralib.events.event import Entry
from neuralib.events.listener import Item, Listener
from neuralib.events.message import Message, message_of


class Channel:
    """The listeners of a tenant, and how far they and the reader are."""

    def __init__(self, events: Events, tenant: str, position: str) -> None:
        """Begin after the event `position`."""
        self.tenant = tenant
        self.listeners: set[Listener] = set()
        self.position = position
        """Id of the event that was handed to all listeners last; the event loop's."""
        self.cursor = position
        """Id of the event that was read last; the reader's."""
        self._events = events
        self._ended = EndedRuns()

    def deliver(self, items: Sequence[Item]) -> None:
        """Hand items to all listeners; in the event loop."""
        self.position = items[-1].id
        for listener in self.listeners:
            listener.put(items)

    async def read(self, after: str, limit: int) -> list[Message] | None:
        """Give the first events after an id; None where that cannot be told."""
        return await asyncio.to_thread(self._read, after, limit)

    def _read(self, after: str, limit: int) -> list[Message] | None:
        entries = self._events.since(self.tenant, after, limit)
        # What was told before the end of a run is not old there, whatever is known here by now.
        return None if entries is None else _messages(entries, EndedRuns())

    def news(self, entries: Iterable[Entry]) -> list[Message]:
        """Write events that come after all that was written before; the reader's."""
        return _messages(entries, self._ended)


def _messages(entries: Iterable[Entry], ended: EndedRuns) -> list[Message]:
    """Write events; those that are older than the end of their run keep their place alone."""
    return [
        Message(entry.id, entry.event.job_id, False, b"")
        if ended.is_old(entry.event)
        else message_of(entry)
        for entry in entries
    ]
