"""The event bus of one process."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import islice, takewhile

from neuralib.events.base import KEPT_EVENTS, Events
from neuralib.events.event import Entry, Event
from neuralib.events.order import Order, order_of


@dataclass
class _Stream:
    """The newest events of one tenant."""

    oldest: Order
    """After this one the stream is whole: the last that was forgotten, or before the first."""
    entries: deque[tuple[Order, Entry]] = field(default_factory=deque)

    @property
    def newest(self) -> Order:
        return self.entries[-1][0] if self.entries else self.oldest

    def append(self, event: Event) -> str:
        milliseconds, number = self.newest
        now = time.time_ns() // 1_000_000
        order = (now, 0) if now > milliseconds else (milliseconds, number + 1)
        entry = Entry(_id(order), event)
        self.entries.append((order, entry))
        if len(self.entries) > KEPT_EVENTS:
            self.oldest = self.entries.popleft()[0]
        return entry.id

    def holds(self, order: Order) -> bool:
        """It is the id of an event that is kept, or of where they begin."""
        return order == self.oldest or any(order == kept for kept, _ in reversed(self.entries))

    def after(self, order: Order) -> list[Entry]:
        newer = takewhile(lambda item: item[0] > order, reversed(self.entries))
        return [entry for _, entry in newer][::-1]


class EmbeddedEvents(Events):
    """Streams in memory: for one process, and gone with it."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._streams: dict[str, _Stream] = {}
        self._woken = False
        # An id of another process, even of one that saw no event, is no id of this one.
        self._began = (time.time_ns() // 1_000_000, 0)

    def publish(self, tenant: str, event: Event) -> str:
        """Append an event; give its id."""
        with self._changed:
            event_id = self._stream(tenant).append(event)
            self._changed.notify_all()
        return event_id

    def last_id(self, tenant: str) -> str:
        """Give the id of the newest event, or that of the beginning."""
        with self._changed:
            return _id(self._stream(tenant).newest)

    def since(self, tenant: str, after: str, limit: int | None = None) -> list[Entry] | None:
        """Give the events after the id `after`; None where it is not, or no longer, an id."""
        order = order_of(after)
        with self._changed:
            stream = self._stream(tenant)
            return stream.after(order)[:limit] if order and stream.holds(order) else None

    def newest(self, tenant: str, limit: int) -> list[Entry]:
        """Give the newest events."""
        with self._changed:
            newest = islice(reversed(self._stream(tenant).entries), limit)
            return [entry for _, entry in newest][::-1]

    def wait(self, after: Mapping[str, str], timeout_seconds: float) -> dict[str, list[Entry]]:
        """Wait until one of several tenants has events after an id."""
        orders = {tenant: order_of(event_id) or (0, 0) for tenant, event_id in after.items()}
        with self._changed:
            self._changed.wait_for(lambda: self._woken or self._newer(orders), timeout_seconds)
            self._woken = False
            newer = self._newer(orders)
            return {tenant: self._streams[tenant].after(orders[tenant]) for tenant in newer}

    def wake(self) -> None:
        """Let a `wait` return at once."""
        with self._changed:
            self._woken = True
            self._changed.notify_all()

    def ping(self) -> None:
        """Do nothing: it is here."""

    def close(self) -> None:
        """Do nothing: there is nothing to let go of."""

    def _newer(self, orders: Mapping[str, Order]) -> list[str]:
        streams = self._streams
        return [
            tenant
            for tenant, order in orders.items()
            if tenant in streams and streams[tenant].newest > order
        ]

    def _stream(self, tenant: str) -> _Stream:
        return self._streams.setdefault(tenant, _Stream(self._began))


def _id(order: Order) -> str:
    return f"{order[0]}-{order[1]}"
