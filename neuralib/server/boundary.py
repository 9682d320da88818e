"""The outermost layer: what every request passes before it is routed."""

from __future__ import annotations

import logging
import secrets
import time
from typing import Final

from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from neuralib.errors import InternalError, NeuraLibError, TooLarge, UsageError
from neuralib.server.metrics import Metrics
from neuralib.server.problems import problem, problem_of

_LOG = logging.getLogger(__name__)

MAXIMUM_JSON_BYTES: Final = 1 << 20
"""Of a body that is no upload: it is read as a whole."""
_UPLOADS: Final = "/v1/samples"
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "DELETE", "PUT", "PATCH", "OPTIONS"})


class Boundary:
    """Counts requests, limits bodies, and lets no fault out as a traceback."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        answer = _Answer(send)
        try:
            await self._handle(scope, receive, answer)
        finally:
            route = _route_of(scope)
            method = scope["method"] if scope["method"] in _METHODS else "other"
            self._metrics.requests.labels(route, method, str(answer.status or 499)).inc()
            if not answer.is_event_stream:
                self._metrics.seconds.labels(route).observe(time.perf_counter() - began)

    async def _handle(self, scope: Scope, receive: Receive, answer: _Answer) -> None:
        try:
            _check_text(scope)
            if scope["path"] != _UPLOADS:
                receive = _limited(scope, receive)
            await self._app(scope, receive, answer)
        except NeuraLibError as error:
            if answer.status is not None:
                raise
            await problem_of(error)(scope, receive, answer)
        except Exception as error:
            await self._fault(error, scope, receive, answer)

    async def _fault(
        self, error: Exception, scope: Scope, receive: Receive, answer: _Answer
    ) -> None:
        if isinstance(error, OSError) and answer.status is not None:  # the client went or froze
            raise error
        number = secrets.token_hex(6)
        _LOG.error(
            "%s %s failed (fault %s)",
            *(scope["method"], _route_of(scope), number),
            exc_info=error,
            extra={"action": "http.fault", "fault": number},
        )
        if answer.status is not None:
            raise error
        detail = f"a fault of NeuraLib; the log of the server tells more of it as fault {number}"
        await problem(500, InternalError.code, detail)(scope, receive, answer)


class _Answer:
    """Passes an answer on, and remembers what it was."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.status: int | None = None
        """None: not begun."""
        self.is_event_stream = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            kind = dict(message["headers"]).get(b"content-type", b"")
            self.is_event_stream = kind.startswith(b"text/event-stream")
        await self._send(message)


def _route_of(scope: Scope) -> str:
    """Name the route by its pattern, so that ids do not multiply the metrics."""
    route: BaseRoute | None = scope.get("route")
    return getattr(route, "path", "other")


def _check_text(scope: Scope) -> None:
    # PostgreSQL keeps no NUL in a text, and nothing here is called so.
    if "\0" in scope["path"] or b"%00" in scope["query_string"]:
        raise UsageError("the address has a character NUL; leave it out")


def _limited(scope: Scope, receive: Receive) -> Receive:
    announced = dict(scope["headers"]).get(b"content-length", b"0")
    if announced.isdigit() and int(announced) > MAXIMUM_JSON_BYTES:
        raise _too_large()
    arrived = 0

    async def counted() -> Message:
        nonlocal arrived
        message = await receive()
        arrived += len(message.get("body", b""))
        if arrived > MAXIMUM_JSON_BYTES:
            raise _too_large()
        return message

    return counted


def _too_large() -> TooLarge:
    return TooLarge(f"the body is larger than {MAXIMUM_JSON_BYTES} bytes; send less")
