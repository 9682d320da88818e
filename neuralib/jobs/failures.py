"""What the database libraries raise, in NeuraLib's words: the only place that maps it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import quote

from sqlalchemy import URL
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from neuralib.errors import DatabaseUnreachable, UsageError

_NO_TABLES = ("UndefinedTable", "UndefinedColumn")
"""psycopg's names; SQLite says it in the message."""


@contextmanager
def mapped(url: URL) -> Iterator[None]:
    """Raise what happens in the block to the database `url` as one of NeuraLib's errors.

    An `IntegrityError` passes: what a broken rule means is known where the statement is.

    Raises:
        DatabaseUnreachable: no connection, no room, no tables; safe to try again later.
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
        raise UsageError(f"a value cannot be stored: {reason}; take another text") from None
    except DBAPIError as error:
        if _lacks_tables(error):
            raise DatabaseUnreachable(
                f"the database {shown(url)} lacks the tables of this NeuraLib; start `neuralib "
                "serve` of this version once: it makes them"
            ) from None
        if isinstance(error, OperationalError) or error.connection_invalidated:
            raise DatabaseUnreachable(
                f"the database {shown(url)} does not answer: {_reason(error.orig, url)}; start "
                "it, or mend NEURALIB_DATABASE_URL"
            ) from None
        raise


def shown(url: URL) -> str:
    """Give the address for a person: without the password, and without what libpq is told."""
    plain = URL.create(url.get_backend_name(), url.username, None, url.host, url.port, url.database)
    return str(plain)


def _reason(error: BaseException | None, url: URL) -> str:
    text = " ".join(str(error).split())
    if url.password:
        for secret in {url.password, quote(url.password, safe="")}:
            text = text.replace(secret, "***")
    return text


def _lacks_tables(error: DBAPIError) -> bool:
    if type(error.orig).__name__ in _NO_TABLES:
        return True
    return str(error.orig).startswith(("no such table", "no such column"))


def is_foreign_key(error: IntegrityError) -> bool:
    """Tell whether a row pointed at one that is not there."""
    return type(error.orig).__name__ == "ForeignKeyViolation" or "FOREIGN KEY" in str(error.orig)
