"""Who asks: an API key names the tenant, and a laptop needs none.

With a key (`Authorization: Bearer nl_...`) a request may come from anywhere. Without one it is
taken only while no key exists at all and the server listens to this machine alone; then every
program of this machine is the one local tenant. A server that has seen a key stays shut when the
last one is revoked, until it is started again: who revokes keys in haste wants nobody in.

Web pages are not programs of this machine, although the browser that shows them is: so without a
key the `Host` has to be a name of this machine (a page cannot point its own name at 127.0.0.1 and
talk to us: DNS rebinding), and an `Origin` has to be this server's own. No answer has CORS
headers: pages of other origins cannot read any.
"""

import hashlib
import ipaddress
import time
from collections.abc import Awaitable, Callable
from typing import Annotated
from urllib.parse import SplitResult, urlsplit

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from neuralib.errors import ClusterError, Unauthorized
from neuralib.jobs.keys import Keys
from neuralib.server.threads import Threads

FRESH_SECONDS = 2.0
"""How long an answer of the database is used again; so a revoked key works for that long."""
_REMEMBERED = 10_000
_WANTED = (
    "this server wants a key: send `Authorization: Bearer nl_...`, or set NEURALIB_TOKEN; "
    "`neuralib keys create` on the server makes one"
)
_WRONG = (
    "this key does not count: it was revoked, or is written wrongly; `neuralib keys list` on the "
    "server shows those that do"
)


class Forbidden(Unauthorized):
    """A web page of another origin asked without a key."""

    http_status = 403


class Doorkeeper:
    """Tells whose a request is.

    Args:
        keys: the API keys.
        threads: to ask the database in.
        tenant: whose it is without a key.
        public: whether other machines can reach the server; then a key is always wanted.
    """

    def __init__(self, keys: Keys, threads: Threads, tenant: str, *, public: bool) -> None:
        self._keys = keys
        self._threads = threads
        self._tenant = tenant
        self._public = public
        self._open = False, 0.0
        self._had_key = False
        self._known: dict[bytes, tuple[str, float]] = {}

    async def admit(self, request: Request, token: str | None) -> str:
        """Give the tenant that may do what `request` wants.

        Raises:
            Unauthorized: without a key that counts, where one is wanted.
            DatabaseUnreachable: where the database does not answer.
        """
        if token is not None:
            tenant = await self._tenant_of(token)
            if tenant is not None:
                return tenant
        if not self._public and await self.is_open():
            _check_page(request)
            return self._tenant
        raise Unauthorized(_WANTED if token is None else _WRONG)

    async def is_open(self) -> bool:
        """Tell whether no key is wanted: none exists, and none did since the server began.

        Raises:
            DatabaseUnreachable: where the database does not answer.
        """
        is_open, until = self._open
        if not self._had_key and time.monotonic() >= until:
            self._had_key = await self._threads(self._keys.exist) or self._had_key
            is_open = not self._had_key
            self._open = is_open, time.monotonic() + FRESH_SECONDS
        return is_open and not self._had_key

    async def _tenant_of(self, token: str) -> str | None:
        digest = hashlib.sha256(token.encode()).digest()
        tenant, until = self._known.get(digest, (None, 0.0))
        if time.monotonic() < until:
            return tenant
        found = await self._threads(self._keys.tenant_of, token)
        if found is None:
            self._known.pop(digest, None)
            return None
        self._had_key = True
        if len(self._known) >= _REMEMBERED:
            self._known.clear()
        self._known[digest] = found, time.monotonic() + FRESH_SECONDS
        return found


_BEARER = HTTPBearer(auto_error=False, description="A key of `neuralib keys create`.")


Credentials = Annotated[HTTPAuthorizationCredentials | None, Depends(_BEARER)]


async def _tenant(request: Request, credentials: Credentials) -> str:
    token = None if credentials is None else credentials.credentials
    doorkeeper: Doorkeeper = request.app.state.doorkeeper
    return await doorkeeper.admit(request, token)


Tenant = Annotated[str, Depends(_tenant)]
"""Whose samples and jobs a request is about."""


async def _is_admitted(
    request: Request, credentials: Credentials, tenant: Tenant
) -> Callable[[], Awaitable[bool]]:
    async def ask() -> bool:
        try:
            return await _tenant(request, credentials) == tenant
        except Unauthorized:
            return False
        except ClusterError:
            return True  # it was, and the database cannot say more now

    return ask


IsAdmitted = Annotated[Callable[[], Awaitable[bool]], Depends(_is_admitted)]
"""Tells whether a request that goes on and on would still be admitted."""


def is_loopback(host: str) -> bool:
    """Tell whether a name or address means this machine, and nothing but it."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _check_page(request: Request) -> None:
    host = request.headers.get("host", "")
    if not is_loopback(_parts(f"//{host}").hostname or ""):
        raise Forbidden(
            f"got Host {host!r}; without a key this server answers to localhost and 127.0.0.1 "
            "only: use one of them, or make a key with `neuralib keys create`"
        )
    origin = request.headers.get("origin")
    if origin is not None and _parts(origin).netloc != host:
        raise Forbidden(
            f"got Origin {origin!r}; without a key this server takes nothing from pages of "
            "other sites: make a key with `neuralib keys create`"
        )


def _parts(address: str) -> SplitResult:
    try:
        return urlsplit(address)
    except ValueError:  # such as "//["
        return urlsplit("")
