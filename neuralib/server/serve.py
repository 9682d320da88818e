"""Running the gateway: one process, until it is told to stop."""

from __future__ import annotations

import contextlib
import logging
import signal
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from types import FrameType

import uvicorn
from fastapi import FastAPI

from neuralib.errors import UsageError
from neuralib.server.app import create_app
from neuralib.server.auth import is_loopback
from neuralib.server.connection import Connection
from neuralib.service.parts import Parts
from neuralib.settings import Settings

_LOG = logging.getLogger(__name__)

DEFAULT_PORT = 7470

_GRACE_SECONDS = 10
"""For requests that are in the middle of something, once told to stop; streams end at once."""
_KEEP_ALIVE_SECONDS = 75
"""For the next request of a connection."""
_BACKLOG = 2048


def serve(
    settings: Settings,
    parts: Parts,
    *,
    host: str = "127.0.0.1",
    port: int = DEFAULT_PORT,
    background: Sequence[AbstractContextManager[object]] = (),
    listening: Callable[[str], None] = lambda address: None,
) -> None:
    """Serve until SIGTERM or SIGINT.

    Args:
        settings: of this machine.
        parts: of the cluster; they stay the caller's to close.
        host: address to listen at; any but one of this machine alone needs an API key to exist.
        port: to listen at; 0 takes a free one.
        background: what runs beside the server, such as workers of this process: entered before
            the first request is taken, left after the last one is done.
        listening: told the server's address when requests are taken.

    Raises:
        UsageError: where the address cannot be listened at, or no key exists for a public one.
        ClusterError: where the database does not answer.
    """
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(_listen(host, port))
        # What the name stands for counts: nobody knows where `x.localhost` leads to.
        public = not is_loopback(listener.getsockname()[0])
        if public and not parts.keys.exist():
            raise UsageError(
                f"{host} can be reached from other machines, and no key exists yet: run `neuralib "
                "keys create NAME` first, or serve at 127.0.0.1"
            )
        app = create_app(parts, settings, public=public)
        server = _Server(app, lambda: listening(_address(host, listener)))
        stack.enter_context(_signals_to(server))
        for each in background:
            stack.enter_context(each)
        server.run(sockets=[listener])
    _LOG.info("the server has stopped", extra={"action": "server.stopped"})


class _Server(uvicorn.Server):
    """Ends the streams of events as soon as it is told to stop, as they never end by themselves."""

    def __init__(self, app: FastAPI, ready: Callable[[], None]) -> None:
        self._app = app
        self._ready = ready
        super().__init__(
            uvicorn.Config(
                app,
                http=Connection,
                lifespan="on",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                backlog=_BACKLOG,
                timeout_keep_alive=_KEEP_ALIVE_SECONDS,
                timeout_graceful_shutdown=_GRACE_SECONDS,
            )
        )

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Take requests, and say so."""
        await super().startup(sockets)
        self._ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End the streams, then wait for the requests."""
        self._app.state.stopping.set()
        await super().shutdown(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop soon; at a second SIGINT at once."""
        if not self.should_exit:
            _LOG.info("stopping, got signal %d", sig, extra={"action": "server.stopping"})
        super().handle_exit(sig, frame)


@contextlib.contextmanager
def _signals_to(server: _Server) -> Iterator[None]:
    """Take SIGTERM and SIGINT for a wish to stop, also before and after requests are taken.

    uvicorn raises what it caught again when it is done, for whoever listened before; such a wish
    is granted then, and no failure.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = (signal.SIGTERM, signal.SIGINT)
    before = {each: signal.signal(each, server.handle_exit) for each in numbers}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


@contextlib.contextmanager
def _listen(host: str, port: int) -> Iterator[socket.socket]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        # `localhost` has two addresses, and most programs try the older kind.
        family, kind, protocol, _, place = min(found, key=lambda each: each[0] != socket.AF_INET)
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise _cannot_listen(host, port, error) from None
    with listener:
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(place)
            listener.listen(_BACKLOG)  # connections wait from here on, and are not refused
        except OSError as error:
            raise _cannot_listen(host, port, error) from None
        yield listener


def _cannot_listen(host: str, port: int, error: OSError) -> UsageError:
    return UsageError(
        f"cannot listen at {host} port {port}: {error.strerror or error}; give another --host or "
        "--port"
    )


def _address(host: str, listener: socket.socket) -> str:
    shown = f"[{host}]" if ":" in host else host
    return f"http://{shown}:{listener.getsockname()[1]}"
