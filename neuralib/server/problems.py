"""Errors as problem documents (RFC 9457)."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Match

from neuralib.errors import (
    DatabaseUnreachable,
    EventsUnreachable,
    NeuraLibError,
    NotFound,
    OutputError,
    QueueUnreachable,
    StorageUnreachable,
    TooLarge,
    Unauthorized,
    UsageError,
)
from neuralib.tasks import explain

_LOG = logging.getLogger(__name__)

_INSIDE: Final[Mapping[type[NeuraLibError], str]] = {
    DatabaseUnreachable: "the database cannot be used now",
    EventsUnreachable: "the events cannot be had now",
    OutputError: "the server cannot keep it: it has no room, or may not write",
    QueueUnreachable: "the queue cannot be used now",
    StorageUnreachable: "the storage cannot be used now",
}
"""Errors whose own words name hosts, folders and users of the cluster: for its log alone."""
_LONGEST_DETAIL = 1000
"""A message may quote what was received, however long that is."""

_LONGEST_INPUT = 200


class Problem(BaseModel):
    """What is wrong, for a program (`code`) and for a person (`detail`)."""

    type: str = "about:blank"
    title: str
    """The HTTP status in words."""
    status: int
    detail: str
    """One line: what was received, what is allowed, what to do."""
    code: str
    """Of an error in `neuralib.errors`."""


def problem(
    status: int, code: str, detail: str, headers: Mapping[str, str] | None = None
) -> Response:
    """Make the answer of a request that cannot be done."""
    if len(detail) > _LONGEST_DETAIL:
        detail = f"{detail[:_LONGEST_DETAIL]} ..."
    body = Problem(title=HTTPStatus(status).phrase, status=status, detail=detail, code=code)
    return Response(body.model_dump_json(), status, headers, media_type="application/problem+json")


def problem_of(error: NeuraLibError) -> Response:
    """Make the answer that tells of `error`."""
    headers = {"WWW-Authenticate": "Bearer"} if isinstance(error, Unauthorized) else None
    detail = error.message
    if type(error) in _INSIDE:
        _LOG.warning("could not do it: %s", detail, extra={"action": "http.unable"})
        detail = f"{_INSIDE[type(error)]}; try again later, or tell whoever runs the server"
    return problem(error.http_status, error.code, detail, headers)


def install(app: FastAPI) -> None:
    """Let every error of `app` be told by a problem document."""

    async def ours(_: Request, error: Exception) -> Response:
        assert isinstance(error, NeuraLibError)
        return problem_of(error)

    async def validation(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        return problem_of(UsageError(_explain(error.errors(), request)))

    async def http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        return _of_status(request, error)

    app.add_exception_handler(NeuraLibError, ours)
    app.add_exception_handler(RequestValidationError, validation)
    app.add_exception_handler(HTTPException, http)


def _of_status(request: Request, error: HTTPException) -> Response:
    path = request.url.path
    if error.status_code == 404:
        detail = f"there is no {path}; the addresses are listed at /docs"
        return problem(404, NotFound.code, detail)
    if error.status_code == 405:
        allowed = ", ".join(_methods(request)) or "other methods"
        detail = f"{path} takes {allowed}, not {request.method}"
        return problem(405, UsageError.code, detail, {"Allow": allowed})
    code = TooLarge.code if error.status_code == 413 else UsageError.code
    return problem(error.status_code, code, str(error.detail), error.headers)


def _shorten(text: str) -> str:
    """Give the beginning of a text that is long."""
    return text if len(text) <= _LONGEST_INPUT else f"{text[:_LONGEST_INPUT]}..."


def _methods(request: Request) -> list[str]:
    """Give what an address takes: each method is a route of its own, and knows of itself alone."""

    def is_taken(method: str) -> bool:
        scope = {**request.scope, "method": method}
        return any(each.matches(scope)[0] is Match.FULL for each in request.app.routes)

    return [method for method in ("GET", "HEAD", "POST", "DELETE") if is_taken(method)]


def _explain(errors: Sequence[Mapping[str, Any]], request: Request) -> str:
    first = {**errors[0]}
    if isinstance(first.get("input"), str):
        first["input"] = _shorten(first["input"])  # what is wrong with it comes behind
    place = [part for part in first["loc"] if isinstance(part, str)]
    if place[:2] == ["body", "task"] and first["type"] != "missing":
        return explain([{**each, "loc": each["loc"][2:]} for each in (first, *errors[1:])])
    if first["type"] == "json_invalid":
        return f"the body is not JSON: {first['ctx']['error']}"
    if place == ["body"]:
        sent = request.headers.get("content-type", "nothing")
        return f"send one JSON object with Content-Type: application/json; got {sent}"
    field = ".".join(place[1:])
    if first["type"] == "missing":
        return f"{field} is missing; give it"
    return explain([{**first, "loc": ["", field]}])
