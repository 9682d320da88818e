"""A client's connection: what it may send before it is heard, and how it can be dropped."""

from __future__ import annotations

import asyncio
import socket
from http import HTTPStatus

from starlette.types import Scope
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from neuralib.errors import UsageError
from neuralib.server.problems import problem

HEAD_BYTES = 64 * 1024
"""Of a request's first line and headers, and of what follows a body; the parser has no limit."""
HEAD_SECONDS = 60.0
"""A client that does not send them in this time is dropped."""
_EXTENSION = "neuralib.transport"


class Connection(HttpToolsProtocol):
    """The HTTP/1.1 of uvicorn, with limits, and problems as answers: `Config(http=Connection)`.

    The transport is in the ASGI scope. A response that only raises lets uvicorn close the
    connection after what is in its buffer was sent, and a frozen client never takes that.
    """

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Begin to wait for a request."""
        super().connection_made(transport)
        self._unused = 0
        self._in_body = False
        self._timer: asyncio.TimerHandle | None = None
        self._begin_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        self._end_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on, unless a head does not end."""
        self._unused += len(data)
        super().data_received(data)
        if self.transport.is_closing():
            return
        if self._unused > HEAD_BYTES:
            self._refuse(431, f"the head of the request is longer than {HEAD_BYTES} bytes")
        elif not self._in_body and self._timer is None and self._unused:
            self._begin_timer()

    def on_message_begin(self) -> None:
        """Begin a request."""
        super().on_message_begin()
        self.scope["extensions"] = {_EXTENSION: {"transport": self.transport}}

    def on_headers_complete(self) -> None:
        """Begin to answer."""
        self._unused = 0
        self._in_body = True
        self._end_timer()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Take a piece of the body."""
        self._unused = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Wait for the next request."""
        self._unused = 0
        self._in_body = False
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Tell that what arrived is no HTTP."""
        self._refuse(400, "what arrived is not HTTP/1.1; mend the client")

    def _refuse(self, status: int, detail: str) -> None:
        if self.cycle is not None and not self.cycle.response_complete:
            self.transport.abort()  # in the middle of another answer
            return
        body = bytes(problem(status, UsageError.code, detail).body)
        head = (
            f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n"
            "content-type: application/problem+json\r\n"
            f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self.transport.close()

    def _begin_timer(self) -> None:
        self._timer = self.loop.call_later(HEAD_SECONDS, self.transport.abort)

    def _end_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def transport_of(scope: Scope) -> asyncio.Transport | None:
    """Find the transport of a request; None under another server than ours."""
    extension = (scope.get("extensions") or {}).get(_EXTENSION) or {}
    transport: asyncio.Transport | None = extension.get("transport")
    return transport


def bound(transport: asyncio.Transport, size: int) -> None:
    """Let about `size` bytes wait for the client here, and twice that in the kernel."""
    if transport.is_closing():  # the client has gone meanwhile
        return
    transport.set_write_buffer_limits(high=size)
    connection = transport.get_extra_info("socket")
    if connection is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, size)
