"""Pages of rows, the newest first."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Select, Table

from neuralib.errors import UsageError

MAXIMUM_LIMIT: Final = 1000


def page_of(wanted: Select[Any], table: Table, cursor: str | None, limit: int) -> Select[Any]:
    """Narrow a selection to one page, and one row more that tells whether there is another.

    The cursor is the id of the last row that was seen: rows that are added meanwhile are newer,
    and move nothing.

    Raises:
        UsageError: for a limit that is not between 1 and `MAXIMUM_LIMIT`.
    """
    if not 1 <= limit <= MAXIMUM_LIMIT:
        raise UsageError(f"limit: got {limit}; 1 to {MAXIMUM_LIMIT} are allowed")
    if cursor is not None:
        wanted = wanted.where(table.c.id < cursor)
    return wanted.order_by(table.c.id.desc()).limit(limit + 1)
