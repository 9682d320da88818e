"""What the database libraries raise, in NeuraLib's words: the only place that maps it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import quote

from sqlalchemy import URL
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from neuralib.errors import DatabaseUnreachable, UsageError

# psycopg's and SQLAlchemy's names; SQLite tells such things in its message alone.
_NO_TABLES = ("UndefinedTable", "UndefinedColumn")
_REFUSED = "InsufficientPrivilege"
_FAULTS = ("ProgrammingError", "NotSupportedError")
"""Apart from those above, these lie in NeuraLib's own SQL."""


@contextmanager
def mapped(url: URL) -> Iterator[None]:
    """Raise what happens in the block to the database `url` as one of NeuraLib's errors.

    An `IntegrityError` passes: what a broken rule means is known where the statement is.

    Raises:
        DatabaseUnreachable: no connection, no room, no tables; it may work later.
        UsageError: where a text cannot be stored.
    """
    try:
        yield
    except IntegrityError:
        raise
    except PoolTimeout:
        raise DatabaseUnreachable(
            f"the database {shown(url)} is too busy: no connection became free; try again later"
        ) from None
    except (DataError, UnicodeEncodeError) as error:
        reason = _reason(error.orig if isinstance(error, DataError) else error, url)
        raise UsageError(f"a text cannot be stored: {reason}; take another one") from None
    except (DBAPIError, sqlite3.Error) as error:
        cause = error.orig if isinstance(error, DBAPIError) else error
        told = _told(error, cause, url)
        if told is None:
            raise
        raise told from None


def shown(url: URL) -> str:
    """Give the address for a person: without the password, and without what libpq is told."""
    name = url.get_backend_name()
    return str(URL.create(name, url.username, None, url.host, url.port, url.database))


def is_foreign_key(error: IntegrityError) -> bool:
    """Tell whether a row pointed at one that is not there."""
    return type(error.orig).__name__ == "ForeignKeyViolation" or "FOREIGN KEY" in str(error.orig)


def _told(
    error: DBAPIError | sqlite3.Error, cause: BaseException | None, url: URL
) -> DatabaseUnreachable | None:
    name = type(cause).__name__
    if name in _NO_TABLES or str(cause).startswith(("no such table", "no such column")):
        return DatabaseUnreachable(
            f"the database {shown(url)} lacks the tables of this NeuraLib; start `neuralib "
            "serve` of this version once: it makes them"
        )
    if type(error).__name__ in _FAULTS and name != _REFUSED:
        return None
    advice = "start it, or mend NEURALIB_DATABASE_URL"
    if url.get_backend_name() == "sqlite":
        advice = "make sure that it can be written and has room, or mend NEURALIB_DATABASE_URL"
    return DatabaseUnreachable(
        f"the database {shown(url)} cannot be used: {_reason(cause, url)}; {advice}"
    )


def _reason(error: BaseException | None, url: URL) -> str:
    text = " ".join(str(error).split())
    for password in (url.password, url.query.get("password")):
        if isinstance(password, str) and password:
            for secret in (password, quote(password, safe="")):
                text = text.replace(secret, "***")
    return text
