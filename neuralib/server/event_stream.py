"""Server-Sent Events as a response: at the client's pace, but not at a frozen client's."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import suppress

from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from neuralib.errors import ClusterError
from neuralib.server.connection import bound, transport_of

_LOG = logging.getLogger(__name__)

SEND_TIMEOUT_SECONDS = 30.0
"""A client that makes no room for so long is dropped."""
STOP_SECONDS = 1.0
"""What is not sent so long after the server began to stop is dropped."""
ADMITTED_SECONDS = 15.0
"""A stream whose key was revoked ends after about so long."""
_PART_BYTES = 64 * 1024
"""Size of one write, and of the buffer that a slow client may fill."""


class EventStream(Response):
    """Sends blocks of `text/event-stream` until they end.

    Before that where the client goes, its key is revoked, or the server stops.
    """

    media_type = "text/event-stream"

    def __init__(
        self,
        blocks: AsyncGenerator[bytes, None],
        end: Callable[[], None],
        stopping: asyncio.Event,
        is_admitted: Callable[[], Awaitable[bool]],
    ) -> None:
        """Prepare the response.

        Args:
            blocks: what is sent, each at once.
            end: makes `blocks` end soon.
            stopping: set when the server begins to stop.
            is_admitted: tells whether the client may still be here.
        """
        super().__init__()
        del self.headers["content-length"]
        self.headers["Cache-Control"] = "no-store"
        self.headers["Connection"] = "close"  # nothing else ever waits behind a stream
        self.headers["X-Accel-Buffering"] = "no"
        self._blocks = blocks
        self._end = end
        self._stopping = stopping
        self._is_admitted = is_admitted

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the response."""
        writer = _Writer(scope, send)
        reasons = (_gone(receive), self._stop(writer), self._refused())
        watchers = [asyncio.create_task(reason) for reason in reasons]
        for watcher in watchers:
            watcher.add_done_callback(lambda _: self._end())
        start = {"type": "http.response.start", "status": 200, "headers": self.raw_headers}
        try:
            await writer.send(start)
            try:
                async for block in self._blocks:
                    await writer.write(block)
            except ClusterError as error:
                # The client connects again, and gets a proper answer.
                _LOG.warning("ended a stream: %s", error, extra={"action": "stream.ended"})
            await writer.finish()
        except asyncio.CancelledError:
            if not writer.dropped:
                raise
        finally:
            for watcher in watchers:
                watcher.cancel()
            await self._blocks.aclose()

    async def _refused(self) -> None:
        while await self._is_admitted():
            # Not all at once: many streams began together.
            await asyncio.sleep(ADMITTED_SECONDS * random.uniform(0.5, 1.5))

    async def _stop(self, writer: _Writer) -> None:
        await self._stopping.wait()
        writer.drop_after(STOP_SECONDS)


class _Writer:
    """Writes to a client that may be slow or frozen."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self.dropped = False
        self._send = send
        self._client = scope.get("client")
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.current_task()
        self._transport = transport_of(scope)
        if self._transport:
            bound(self._transport, _PART_BYTES)

    async def write(self, block: bytes) -> None:
        """Send a block, in parts where it is long."""
        for start in range(0, len(block), _PART_BYTES):
            part = block[start : start + _PART_BYTES]
            await self.send({"type": "http.response.body", "body": part, "more_body": True})

    async def finish(self) -> None:
        """End the response; what the client has not taken by then is dropped after a while."""
        await self.send({"type": "http.response.body", "body": b"", "more_body": False})
        if self._transport and self._transport.get_write_buffer_size():
            self.drop_after(SEND_TIMEOUT_SECONDS)

    async def send(self, message: Message) -> None:
        """Give a message to the server, as soon as the client has made room."""
        if self._transport and not self._transport.get_write_buffer_size():
            await self._send(message)  # there is room: a timer for each would be the most work
            return
        timer = self._loop.call_later(SEND_TIMEOUT_SECONDS, self._drop)
        try:
            await self._send(message)
        finally:
            timer.cancel()

    def drop_after(self, seconds: float) -> None:
        """Drop the connection in a while, unless it ends before."""
        if self._transport:
            self._loop.call_later(seconds, self._transport.abort)

    def _drop(self) -> None:
        self.dropped = True
        _LOG.warning(
            "dropped the frozen client %s", self._client, extra={"action": "stream.dropped"}
        )
        if self._transport:
            self._transport.abort()
        elif self._task:
            self._task.cancel()


async def _gone(receive: Receive) -> None:
    with suppress(asyncio.CancelledError):
        while (await receive())["type"] != "http.disconnect":
            pass
