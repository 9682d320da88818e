"""Insert a row, unless there is one like it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Column, Table, TextClause
from sqlalchemy.dialects import postgresql, sqlite


def insert_new(
    dialect: str,
    table: Table,
    key: Sequence[Column[Any]],
    where: TextClause | None = None,
) -> postgresql.Insert | sqlite.Insert:
    """Make an insert that does nothing where the table has a row with this key.

    Args:
        dialect: `postgresql` or `sqlite`.
        table: to insert into.
        key: the columns of a unique index.
        where: the condition of that index, if it is a partial one.
    """
    names = [column.name for column in key]
    if dialect == "postgresql":
        return postgresql.insert(table).on_conflict_do_nothing(
            index_elements=names, index_where=where
        )
    return sqlite.insert(table).on_conflict_do_nothing(index_elements=names, index_where=where)
