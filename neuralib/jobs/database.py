"""The database: a file of this machine, or a PostgreSQL that a whole cluster shares."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Dialect, Engine, create_engine, event, make_url, select
from sqlalchemy.exc import ArgumentError, InvalidatePoolError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import ConnectionPoolEntry

from neuralib.errors import OutputError, UsageError
from neuralib.jobs.failures import mapped
from neuralib.jobs.migrate import upgrade
from neuralib.jobs.times import SQLITE_TIME, sqlite_time

BUSY_SECONDS = 10
"""How long a writer waits for another one (SQLite), or for a connection of the pool."""
CONNECTIONS = 20
"""Most connections of one process to PostgreSQL."""
IDLE_SECONDS = 1.0
"""A connection that was not used for so long is tried before it is used again."""

_LAST_USE = "last_use"
_POSTGRESQL_DEFAULTS = {
    "connect_timeout": "5",
    "application_name": "neuralib",
    # A host that vanishes without a word is noticed within half a minute.
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "30000",
}


class Database:
    """Opens at the first use; may be used from any thread.

    Args:
        url: `postgresql://user:password@host:port/name` or `sqlite:///path`.

    Raises:
        UsageError: for any other address.
    """

    def __init__(self, url: str) -> None:
        self._url = _parse(url)
        self._lock = threading.Lock()
        self._turn = threading.Lock()
        self._engines: tuple[Engine, Engine] | None = None

    @property
    def is_postgresql(self) -> bool:
        """Which of the two it is."""
        return self._url.get_backend_name() == "postgresql"

    @contextmanager
    def connect(self) -> Iterator[Connection]:
        """Give a connection to read with, or on which every statement is committed by itself.

        Raises (also while the connection is used):
            DatabaseUnreachable: where the database does not answer.
        """
        with mapped(self._url), self._open()[0].connect() as connection:
            yield connection

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """Give a connection in a transaction, which is committed where nothing is raised.

        Raises (also while the connection is used):
            DatabaseUnreachable: where the database does not answer.
        """
        with mapped(self._url), self._in_turn(), self._open()[1].begin() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Give a connection for one statement that writes, which is then committed.

        Raises (also while the connection is used):
            DatabaseUnreachable: where the database does not answer.
        """
        with self.connect() if self.is_postgresql else self.begin() as connection:
            yield connection

    @contextmanager
    def _in_turn(self) -> Iterator[None]:
        """Let the threads of this process write to SQLite one after the other.

        It lets writers sleep and look again, ever longer, so that of many some wait for seconds.
        """
        if self.is_postgresql:
            yield
            return
        if not self._turn.acquire(timeout=BUSY_SECONDS):
            raise PoolTimeout
        try:
            yield
        finally:
            self._turn.release()

    def ping(self) -> None:
        """Make sure that the database answers.

        Raises:
            DatabaseUnreachable: where it does not.
        """
        with self.connect() as connection:
            connection.execute(select(1))

    def upgrade(self) -> None:
        """Make the tables, or bring them to this version; several processes may do so at once.

        Raises:
            DatabaseUnreachable: where the database does not answer.
            ClusterError: where the tables are those of a newer NeuraLib.
        """
        with self.begin() as connection:
            upgrade(connection)

    def close(self) -> None:
        """Close all connections; the next use opens new ones."""
        with self._lock:
            engines, self._engines = self._engines, None
        if engines is not None:
            engines[0].dispose()

    def _open(self) -> tuple[Engine, Engine]:
        if self._engines is None:
            with self._lock:
                if self._engines is None:
                    self._engines = _engines(self._url)
        return self._engines


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        parsed = None
    if parsed is not None and parsed.drivername == "sqlite" and parsed.database:
        return parsed
    drivers = ("postgresql", "postgres", "postgresql+psycopg")
    if parsed is not None and parsed.drivername in drivers and "@" not in (parsed.host or ""):
        return parsed.set(drivername="postgresql+psycopg")
    raise UsageError(  # what was received may hold a password
        "NEURALIB_DATABASE_URL is not an address of a database; write "
        "postgresql://user:password@host:port/name (an `@` of the password as %40) or "
        "sqlite:///path"
    )


def _engines(url: URL) -> tuple[Engine, Engine]:
    """Make the engine of single statements and the engine of transactions: one pool."""
    if url.get_backend_name() == "sqlite":
        return _sqlite_engines(url)
    engine = create_engine(
        url.update_query_dict({**_POSTGRESQL_DEFAULTS, **url.query}),
        pool_size=CONNECTIONS,
        max_overflow=0,
        pool_timeout=BUSY_SECONDS,
        hide_parameters=True,  # they are what people wrote, and errors are logged
    )
    event.listen(engine, "checkin", _note_use)
    event.listen(engine, "checkout", partial(_ping_after_idling, engine.dialect))
    return engine.execution_options(isolation_level="AUTOCOMMIT"), engine


def _note_use(connection: Any, record: ConnectionPoolEntry) -> None:
    record.info[_LAST_USE] = time.monotonic()


def _ping_after_idling(
    dialect: Dialect, connection: Any, record: ConnectionPoolEntry, _: object
) -> None:
    """Notice a connection that died, as the pool's own check before each use does.

    That one costs a journey to the database each time; one that was just used lives.
    """
    last_use = record.info.get(_LAST_USE)
    if last_use is None or time.monotonic() - last_use < IDLE_SECONDS:
        return
    try:
        dialect.do_ping(connection)
    except dialect.loaded_dbapi.Error as error:
        raise InvalidatePoolError from error  # the pool opens new ones


def _sqlite_engines(url: URL) -> tuple[Engine, Engine]:
    folder = Path(url.database or "").absolute().parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"cannot make the folder {str(folder)!r} of the database: {error.strerror or error}; "
            "name another one with NEURALIB_DATA_DIR"
        ) from error
    engine = create_engine(
        url,
        pool_timeout=BUSY_SECONDS,
        connect_args={"timeout": BUSY_SECONDS, "isolation_level": None},
        hide_parameters=True,
    )
    event.listen(engine, "before_cursor_execute", _refuse_nul)
    event.listen(engine, "connect", _prepare_sqlite)
    transactions = engine.execution_options()
    event.listen(transactions, "begin", _begin_sqlite)
    return engine, transactions


def _prepare_sqlite(connection: Any, _: object) -> None:
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
        connection.execute(f"PRAGMA {pragma}")
    connection.create_function(SQLITE_TIME, 1, sqlite_time)


def _refuse_nul(connection: Connection, cursor: Any, statement: str, values: Any, *_: Any) -> None:
    """Refuse what PostgreSQL does: SQLite keeps such a text, and then finds half of it."""
    rows = values if isinstance(values, list) else [values]
    texts = (value for row in rows for value in (row or ()) if isinstance(value, str))
    if any("\0" in text for text in texts):
        raise UsageError("a text cannot be stored: it has a character NUL; take another one")


def _begin_sqlite(connection: Connection) -> None:
    # A transaction that reads first and writes then would fail where another wrote in between.
    connection.exec_driver_sql("BEGIN IMMEDIATE")
