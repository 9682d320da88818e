"""All SQL about API keys."""

from __future__ import annotations

import hashlib
import re
import secrets
from typing import Any

from sqlalchemy import Row, delete, insert, literal, select

from neuralib.errors import NotFound, UsageError
from neuralib.jobs.api_key import ApiKey
from neuralib.jobs.database import Database
from neuralib.jobs.ids import new_id
from neuralib.jobs.tables import api_keys
from neuralib.jobs.times import DatabaseTime
from neuralib.settings import TENANT_PATTERN

TOKEN_PREFIX = "nl_"
"""So that a token is recognised where it leaks."""

_COLUMNS = [api_keys.c[name] for name in ("id", "tenant", "name", "created_at")]


class Keys:
    """The API keys of all tenants.

    A token is 256 bits of chance, so one plain hash is enough to store it by: there is nothing
    to guess.

    Raises (all methods):
        DatabaseUnreachable: where the database does not answer.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self, tenant: str, name: str) -> tuple[ApiKey, str]:
        """Make a key for a tenant.

        Returns:
            The key, and its token, which cannot be read again.

        Raises:
            UsageError: for a tenant whose name is not allowed.
        """
        if not re.fullmatch(TENANT_PATTERN, tenant):
            raise UsageError(
                f"tenant: got {tenant!r}; small letters, digits and `-` are allowed, at most 63, "
                "the first one no `-`"
            )
        token = TOKEN_PREFIX + secrets.token_urlsafe(32)
        values = {"id": new_id("key"), "tenant": tenant, "name": name, "sha256": _hashed(token)}
        made = insert(api_keys).values(**values, created_at=DatabaseTime(0.0))
        with self._database.write() as connection:
            return _as_key(connection.execute(made.returning(*_COLUMNS)).one()), token

    def list(self, tenant: str | None = None) -> list[ApiKey]:
        """Give the keys of a tenant, or of all tenants, the newest first."""
        wanted = select(*_COLUMNS).order_by(api_keys.c.id.desc())
        if tenant is not None:
            wanted = wanted.where(api_keys.c.tenant == tenant)
        with self._database.connect() as connection:
            return [_as_key(row) for row in connection.execute(wanted)]

    def revoke(self, id: str) -> ApiKey:
        """Forget a key: from now on its token opens nothing.

        Raises:
            NotFound: where there is no such key.
        """
        gone = delete(api_keys).where(api_keys.c.id == id).returning(*_COLUMNS)
        with self._database.write() as connection:
            row = connection.execute(gone).first()
        if row is None:
            raise NotFound(f"there is no key {id!r}; `neuralib keys list` shows those there are")
        return _as_key(row)

    def tenant_of(self, token: str) -> str | None:
        """Tell for whom a token speaks; None: for nobody."""
        wanted = select(api_keys.c.tenant).where(api_keys.c.sha256 == _hashed(token))
        with self._database.connect() as connection:
            tenant: str | None = connection.scalar(wanted)
        return tenant

    def exist(self) -> bool:
        """Tell whether there is any key."""
        with self._database.connect() as connection:
            return connection.scalar(select(literal(1)).select_from(api_keys).limit(1)) is not None


def _hashed(token: str) -> str:
    return hashlib.sha256(token.encode(errors="surrogatepass")).hexdigest()


def _as_key(row: Row[Any]) -> ApiKey:
    return ApiKey(**row._asdict())
