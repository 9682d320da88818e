"""The outermost layer: what every request passes before it is routed."""

from __future__ import annotations

import logging
import secrets
import time
from typing import Final

import anyio
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from neuralib.errors import InternalError, NeuraLibError, TooLarge, UsageError
from neuralib.server.connection import transport_of
from neuralib.server.metrics import Metrics
from neuralib.server.problems import problem, problem_of
from neuralib.server.spool import STALLED_SECONDS

_LOG = logging.getLogger(__name__)

MAXIMUM_JSON_BYTES: Final = 1 << 20
"""Of a body that is no upload: it is read as a whole."""
_TOO_LARGE: Final = f"the body is larger than {MAXIMUM_JSON_BYTES} bytes; send less"
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
        except ClientDisconnect:
            pass  # nobody is left to be told
        except NeuraLibError as error:
            if answer.status is None:
                await problem_of(error)(scope, receive, answer)
                return
            _LOG.warning(
                "broke off an answer of %s: %s",
                *(_route_of(scope), error.message),
                extra={"action": "http.broken_off"},
            )
            _break_off(scope, error)
        except Exception as error:
            await self._fault(error, scope, receive, answer)

    async def _fault(
        self, error: Exception, scope: Scope, receive: Receive, answer: _Answer
    ) -> None:
        number = secrets.token_hex(6)
        _LOG.error(
            "%s %s failed (fault %s)",
            *(scope["method"], _route_of(scope), number),
            exc_info=error,
            extra={"action": "http.fault", "fault": number},
        )
        if answer.status is not None:
            _break_off(scope, error)
            return
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


def _break_off(scope: Scope, error: Exception) -> None:
    """Let the client see that an answer is not whole."""
    transport = transport_of(scope)
    if transport is None:  # another server than ours; it closes the connection then
        raise error
    transport.abort()


def _check_text(scope: Scope) -> None:
    # PostgreSQL keeps no NUL in a text, and nothing here is called so.
    if "\0" in scope["path"] or b"%00" in scope["query_string"]:
        raise UsageError("the address has a character NUL; leave it out")


def _limited(scope: Scope, receive: Receive) -> Receive:
    announced = dict(scope["headers"]).get(b"content-length", b"0")
    if announced.isdigit() and int(announced) > MAXIMUM_JSON_BYTES:
        raise TooLarge(_TOO_LARGE)
    arrived = 0
    whole = False

    async def counted() -> Message:
        nonlocal arrived, whole
        if whole:  # what comes next is the end of the connection
            return await receive()
        try:
            with anyio.fail_after(STALLED_SECONDS):
                message = await receive()
        except TimeoutError:
            raise HTTPException(408, f"the body did not arrive in {STALLED_SECONDS:g} s") from None
        arrived += len(message.get("body", b""))
        whole = not message.get("more_body", False)
        if arrived > MAXIMUM_JSON_BYTES:
            # FastAPI takes any other exception for a fault in the form of the body.
            raise HTTPException(413, _TOO_LARGE)
        return message

    return counted
