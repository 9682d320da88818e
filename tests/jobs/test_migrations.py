from __future__ import annotations

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect

from neuralib.jobs.database import Database
from neuralib.jobs.migrate import HEAD, MIGRATIONS
from neuralib.jobs.tables import metadata


def test_an_empty_database_upgraded_equals_the_declared_tables(database: Database) -> None:
    with database.begin() as connection:
        options = {"compare_type": True, "compare_server_default": True}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, metadata) == []
        found = inspect(connection)
        for table in metadata.sorted_tables:  # what the comparison leaves out
            keys = found.get_pk_constraint(table.name)["constrained_columns"]
            assert keys == [column.name for column in table.primary_key]
            checks = {check["name"] for check in found.get_check_constraints(table.name)}
            assert checks == ({"jobs_lease_check"} if table.name == "jobs" else set())


def test_the_newest_migration_is_the_one_that_is_named() -> None:
    assert ScriptDirectory(str(MIGRATIONS)).get_current_head() == HEAD
