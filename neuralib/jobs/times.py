"""Moments in SQL: stored in UTC with microseconds, and told by the database's own clock."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

from sqlalchemy import DateTime, Dialect
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator

SQLITE_TIME = "neuralib_time"
"""A function that every SQLite connection is given; SQLite's own clock knows no microseconds."""


class Time(TypeDecorator[datetime]):
    """A moment; always aware and in UTC on the Python side."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Turn an aware moment into what the database stores; SQLite stores no zone."""
        if value is None:
            return None
        value = value.astimezone(timezone.utc)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Turn what the database stores into an aware moment in UTC."""
        if value is None:
            return None
        if value.tzinfo is None:
            return value.replace(tzinfo=timezone.utc)
        return value.astimezone(timezone.utc)


class DatabaseTime(FunctionElement[datetime]):
    """`DatabaseTime(seconds)`: so many seconds from now, by the clock that all workers share."""

    type = Time()
    name = "database_time"
    inherit_cache = True


@compiles(DatabaseTime, "postgresql")
def _postgresql(element: DatabaseTime, compiler: SQLCompiler, **words: Any) -> str:
    seconds = compiler.process(element.clauses, **words)
    return f"statement_timestamp() + make_interval(secs => {seconds})"


@compiles(DatabaseTime, "sqlite")
def _sqlite(element: DatabaseTime, compiler: SQLCompiler, **words: Any) -> str:
    return f"{SQLITE_TIME}({compiler.process(element.clauses, **words)})"


def sqlite_time(seconds: float) -> str:
    """Give the moment `seconds` from now as SQLAlchemy stores moments in SQLite."""
    moment = datetime.now(timezone.utc) + timedelta(seconds=seconds)
    return moment.strftime("%Y-%m-%d %H:%M:%S.%f")
