"""What a gateway answers, or what stands in its place, in our own errors."""

from __future__ import annotations

import ssl
from typing import Any

import httpx2

from neuralib.errors import (
    ClusterError,
    InputError,
    NeuraLibError,
    ServerUnreachable,
    TooLarge,
    Unauthorized,
    error_class,
)

_UNSENT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout)
"""The request cannot have reached the server."""
_PASSING = frozenset({408, 425, 429, 502, 503, 504})
"""Answers that another attempt may not get."""


class Passing(Exception):
    """This attempt failed; another may not."""

    def __init__(self, error: NeuraLibError, *, unsent: bool = False, advanced: bool = False):
        super().__init__(error.message)
        self.error = error
        """What to raise in the end."""
        self.unsent = unsent
        """The server has certainly done nothing."""
        self.advanced = advanced
        """Something arrived before it failed."""


def raise_failure(response: httpx2.Response, server: str) -> None:
    """Raise what an answer other than 2xx means; its body has been read.

    Raises:
        Passing: where another attempt may help.
        NeuraLibError: of the class that the server's problem document names.
    """
    if response.is_success:
        return
    status = response.status_code
    error = _problem(response) or _stranger(response, server)
    if status in _PASSING and isinstance(error, ClusterError):
        raise Passing(error, unsent=status in (429, 503))
    raise error


def read_json(response: httpx2.Response, server: str) -> Any:
    """Give the JSON of a good answer.

    Raises:
        ServerUnreachable: where it is none: something else answers at this address.
    """
    try:
        if _media_type(response) == "application/json":
            return response.json()
    except ValueError:
        pass
    raise _stranger(response, server)


def failure(error: httpx2.HTTPError, server: str) -> Passing | NeuraLibError:
    """Say what a request that got no answer means."""
    reason = str(error) or type(error).__name__
    tls = _tls_cause(error)
    if tls is not None:
        return ServerUnreachable(
            f"cannot speak TLS with {server}: {getattr(tls, 'verify_message', '') or tls.reason}; "
            "check the address (http or https?), or let SSL_CERT_FILE name the certificate of "
            "your authority"
        )
    if isinstance(error, httpx2.ProxyError):
        return ServerUnreachable(
            f"the proxy on the way to {server} refuses: {reason}; check HTTP_PROXY, HTTPS_PROXY "
            "and NO_PROXY"
        )
    if isinstance(error, httpx2.LocalProtocolError):
        return InputError(f"what was to be sent changed meanwhile: {reason}; run it again")
    if isinstance(error, httpx2.DecodingError):
        return ServerUnreachable(f"{server} sends what cannot be read: {reason}")
    return Passing(
        ServerUnreachable(
            f"cannot reach the server at {server}: {reason}; check --server or NEURALIB_SERVER, "
            "and that `neuralib serve` runs there"
        ),
        unsent=isinstance(error, _UNSENT),
    )


def _problem(response: httpx2.Response) -> NeuraLibError | None:
    """Read a problem document (RFC 9457) that carries one of our codes."""
    if _media_type(response) != "application/problem+json":
        return None
    try:
        body = response.json()
        code, detail = str(body["code"]), str(body.get("detail") or body["title"])
    except (ValueError, KeyError, TypeError):
        return None
    kind = error_class(code)
    return (ClusterError if kind is NeuraLibError else kind)(detail)


def _stranger(response: httpx2.Response, server: str) -> ClusterError:
    """Say what an answer means that a NeuraLib gateway would not give."""
    status = response.status_code
    said = f"{server} answered {status} {response.reason_phrase}".rstrip()
    if response.is_redirect:
        place = response.headers.get("Location", "another address")
        return ServerUnreachable(
            f"{said}: it sends us on to {place}; name that server in its place"
        )
    if status in (401, 407):
        return Unauthorized(f"{said}: something before the gateway wants a password of its own")
    if status == 413:
        return TooLarge(f"{said}: something before the gateway takes no upload of this size")
    if status in _PASSING:
        return ServerUnreachable(f"{said}: the gateway behind it does not run, or is overloaded")
    kind = _media_type(response) or "no type"
    return ServerUnreachable(
        f"{said} ({kind}), which is no NeuraLib server's answer; check --server or NEURALIB_SERVER"
    )


def _media_type(response: httpx2.Response) -> str:
    value: str = response.headers.get("Content-Type", "")
    return value.partition(";")[0].strip().lower()


def _tls_cause(error: BaseException | None) -> ssl.SSLError | None:
    while error is not None:
        if isinstance(error, ssl.SSLError):
            return error
        error = error.__cause__ or error.__context__
    return None
