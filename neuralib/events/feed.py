"""Handing events to all who listen in one process."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from neuralib.errors import EventsUnreachable
from neuralib.events.base import Events
from neuralib.events.channel import Channel
from neuralib.events.listener import Listener
from neuralib.events.reader import Reader


class Feed:
    """Any number of listeners on one event loop, with one reader of the bus for all of them.

    An outage of the bus ends no listener: what was published meanwhile follows, and a `Reset`,
    for something may have been lost with the bus.
    """

    def __init__(self, events: Events) -> None:
        """Read `events`, from the first `listen` on; nobody else may `wait` for them."""
        self._events = events
        self._channels: dict[str, Channel] = {}
        self._opening = asyncio.Lock()
        self._reader: Reader | None = None
        self._closed = False

    @property
    def listeners(self) -> int:
        """How many listen now."""
        return sum(len(channel.listeners) for channel in self._channels.values())

    @contextlib.asynccontextmanager
    async def listen(
        self, tenant: str, *, after: str | None = None, job_id: str | None = None
    ) -> AsyncIterator[Listener]:
        """Listen to the events of a tenant for the length of an `async with` block.

        Args:
            tenant: whose events.
            after: begin with what came after this id, or with a `Reset` where it is too old or
                none; None: with what comes from now on.
            job_id: only the events of this job.

        Raises:
            EventsUnreachable: where the bus does not answer.
        """
        channel = await self._channel(tenant)
        listener = Listener(channel, job_id, after)
        if self._closed:
            listener.end()
        channel.listeners.add(listener)
        try:
            yield listener
        finally:
            channel.listeners.discard(listener)
            if not channel.listeners and self._channels.get(tenant) is channel:
                del self._channels[tenant]

    async def close(self) -> None:
        """End all listeners, those to come too, and the reader."""
        self._closed = True
        for channel in self._channels.values():
            for listener in channel.listeners:
                listener.end()
        if self._reader:
            self._reader.stop()
            await self._wake()
            await asyncio.to_thread(self._reader.join)

    async def _channel(self, tenant: str) -> Channel:
        """Find the channel of a tenant, or open it; no `await` may follow before it is used."""
        if tenant in self._channels:  # also while another one is slow to open, or cannot be
            return self._channels[tenant]
        async with self._opening:
            if tenant not in self._channels:
                position = await asyncio.to_thread(self._events.last_id, tenant)
                self._channels[tenant] = Channel(self._events, tenant, position)
                await self._read_too()
            return self._channels[tenant]

    async def _read_too(self) -> None:
        if self._reader is None:
            self._reader = Reader(self._events, self._channels, asyncio.get_running_loop())
            self._reader.start()
        else:
            await self._wake()

    async def _wake(self) -> None:
        # In an outage nobody waits: the reader looks at the channels anew when it is over.
        with contextlib.suppress(EventsUnreachable):
            await asyncio.to_thread(self._events.wake)
