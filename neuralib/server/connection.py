"""A client's connection that a response can bound and drop."""

from __future__ import annotations

import asyncio
import socket

from starlette.types import Scope
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_EXTENSION = "neuralib.transport"


class Connection(HttpToolsProtocol):
    """The HTTP/1.1 of uvicorn, with the transport in the ASGI scope: `Config(http=Connection)`.

    A response that only raises lets uvicorn close the connection after what is in its buffer
    was sent, and a frozen client never takes that.
    """

    def on_message_begin(self) -> None:
        """Begin a request."""
        super().on_message_begin()
        self.scope["extensions"] = {_EXTENSION: {"transport": self.transport}}


def transport_of(scope: Scope) -> asyncio.Transport | None:
    """Find the transport of a request; None under another server than ours."""
    extension = (scope.get("extensions") or {}).get(_EXTENSION) or {}
    transport: asyncio.Transport | None = extension.get("transport")
    return transport


def bound(transport: asyncio.Transport, size: int) -> None:
    """Let about `size` bytes wait for the client here, and twice that in the kernel."""
    transport.set_write_buffer_limits(high=size)
    connection = transport.get_extra_info("socket")
    if connection is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, size)
