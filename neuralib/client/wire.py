"""One gateway's address, and requests that are repeated where that is safe."""

from __future__ import annotations

import ipaddress
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar
from urllib.parse import urlsplit, urlunsplit

import httpx2

from neuralib import __version__
from neuralib.client.answers import Passing, failure, raise_failure, read_json
from neuralib.errors import ServerUnreachable, UsageError

Result = TypeVar("Result")

_TIMEOUT = httpx2.Timeout(60.0, connect=10.0)
_STRANGER_SECONDS = 1.0
"""A server that has never answered is tried again for this long: its name may be wrong."""
_FIRST_PAUSE_SECONDS = 0.1
_LONGEST_PAUSE_SECONDS = 5.0


class Wire:
    """Requests to one gateway; may be used from several threads.

    Args:
        server: address, such as `https://neuralib.example:8000`; without a scheme it is http.
        token: API key, or None.
        patience_seconds: how long to try again once the server has answered before.
    """

    def __init__(self, server: str, token: str | None, patience_seconds: float) -> None:
        self.server, address = _addresses(server)
        self._patience_seconds = patience_seconds
        self._met = threading.Event()
        headers = {"User-Agent": f"neuralib/{__version__}", "Accept-Encoding": "identity"}
        if token:
            headers["Authorization"] = f"Bearer {_checked(token)}"
        try:
            self._http = httpx2.Client(
                base_url=address,
                headers=headers,
                timeout=_TIMEOUT,
                trust_env=not _is_loopback(address),  # no proxy leads to this very machine
            )
        except (ValueError, OSError, httpx2.InvalidURL) as error:
            raise ServerUnreachable(
                f"cannot reach {self.server}: {error}; check the proxy and certificate variables"
            ) from None

    def json(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        repeatable: bool = True,
    ) -> Any:
        """Ask for JSON; None where the answer is empty.

        Args:
            method: of HTTP.
            path: below the server's address, such as `/v1/jobs`.
            params: of the query; those that are None are left out.
            body: JSON to send.
            headers: more of them.
            repeatable: the server may be asked twice although it heard the first time.

        Raises:
            ClusterError: where there is no answer, or not this server's.
            NeuraLibError: what the server says.
        """

        def act() -> Any:
            with self.stream(
                method, path, params=given(params), json=body, headers=headers
            ) as response:
                response.read()
                raise_failure(response, self.server)
                return read_json(response, self.server) if response.content else None

        return self.persist(act, repeatable=repeatable)

    @contextmanager
    def stream(self, method: str, path: str, **arguments: Any) -> Iterator[httpx2.Response]:
        """Make one attempt; give the answer with its body still to come.

        Raises:
            Passing: where the connection fails, also while the body is read.
            ClusterError: where it cannot work at all.
        """
        try:
            with self._http.stream(method, path.lstrip("/"), **arguments) as response:
                if response.status_code < 500:
                    self._met.set()
                yield response
        except httpx2.HTTPError as error:
            raise failure(error, self.server) from None

    def persist(self, act: Callable[[], Result], *, repeatable: bool = True) -> Result:
        """Do `act`, and again while it fails in passing, with growing pauses.

        Raises:
            NeuraLibError: what the last failure was.
        """
        started, pause_seconds = time.monotonic(), _FIRST_PAUSE_SECONDS
        while True:
            try:
                return act()
            except Passing as passing:
                if not (repeatable or passing.unsent):
                    raise passing.error from None
                if passing.advanced:
                    started, pause_seconds = time.monotonic(), _FIRST_PAUSE_SECONDS
                patience = self._patience_seconds if self._met.is_set() else _STRANGER_SECONDS
                if time.monotonic() - started + pause_seconds > patience:
                    raise passing.error from None
            time.sleep(pause_seconds)
            pause_seconds = min(pause_seconds * 2, _LONGEST_PAUSE_SECONDS)

    def close(self) -> None:
        """Give the connections back."""
        self._http.close()


def given(params: Mapping[str, Any] | None) -> dict[str, Any]:
    """Leave out what is None."""
    return {name: value for name, value in (params or {}).items() if value is not None}


def _addresses(server: str) -> tuple[str, str]:
    """Give the address for messages (without a password), and the one to talk to."""
    text = server.strip()
    if "://" not in text:
        text = f"http://{text}"
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host = None
    if host is None or parts.scheme not in ("http", "https") or parts.query or parts.fragment:
        raise UsageError(
            f"server {server!r} is not an address such as https://neuralib.example:8000; mend "
            "--server or NEURALIB_SERVER"
        )
    path = parts.path.rstrip("/").removesuffix("/v1")  # as the addresses of curl begin
    plain = parts._replace(netloc=parts.netloc.rpartition("@")[2], path=path)
    return urlunsplit(plain), urlunsplit(parts._replace(path=plain.path + "/"))


def _checked(token: str) -> str:
    if not (token.isascii() and token.isprintable() and " " not in token):
        raise UsageError(
            "the token holds blanks or other characters that no key has; set NEURALIB_TOKEN to "
            "what `neuralib keys create` printed"
        )
    return token


def _is_loopback(address: str) -> bool:
    host = urlsplit(address).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
