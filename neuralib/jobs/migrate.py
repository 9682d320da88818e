"""Bring the tables to this version."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, inspect, text

from neuralib.errors import ClusterError

HEAD = "0001"
"""The newest migration, so that an up-to-date database is told without loading Alembic."""
MIGRATIONS = Path(__file__).parent / "migrations"

_LOCK = 0x6E65_7572_616C_6962
"""Any number that nothing else in the database locks: `neuralib` in ASCII."""


def upgrade(connection: Connection) -> None:
    """Run the migrations that are missing, in the transaction of `connection`.

    Several processes may do so at once: the first one works, the others wait. SQLite's
    transaction is such a lock by itself.

    Raises:
        ClusterError: where the tables are those of a newer NeuraLib.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    if _version(connection) == HEAD:
        return
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError:
        raise ClusterError(
            f"the database has version {_version(connection)}, and this NeuraLib knows those up "
            f"to {HEAD}; install the NeuraLib that made it, or a newer one"
        ) from None


def _version(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    version: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return version
