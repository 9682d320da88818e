from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text
from sqlalchemy.engine.interfaces import ReflectedIndex

from neuralib.errors import ClusterError, DatabaseUnreachable
from neuralib.jobs.database import Database
from neuralib.jobs.keys import Keys
from neuralib.jobs.migrate import HEAD, MIGRATIONS
from neuralib.jobs.tables import metadata
from tests.jobs import crowd


@pytest.fixture
def empty(empty_url: str) -> Iterator[Database]:
    """A database without tables, whatever the test before left in it."""
    database = Database(empty_url)
    with database.begin() as connection:
        for table in [*reversed(metadata.sorted_tables), "alembic_version"]:
            connection.execute(text(f"DROP TABLE IF EXISTS {table}"))
    yield database
    database.close()


def test_an_empty_database_upgraded_equals_the_declared_tables(empty: Database) -> None:
    empty.upgrade()
    with empty.begin() as connection:
        options = {"compare_type": True, "compare_server_default": True}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, metadata) == []
        found = inspect(connection)
        for table in metadata.sorted_tables:  # what the comparison leaves out
            keys = found.get_pk_constraint(table.name)["constrained_columns"]
            assert keys == [column.name for column in table.primary_key]
            checks = {check["name"] for check in found.get_check_constraints(table.name)}
            assert checks == ({"jobs_lease_check"} if table.name == "jobs" else set())
            indexes = found.get_indexes(table.name)
            partial = {index["name"]: _condition(index) for index in indexes}
            for index in table.indexes:
                where = index.dialect_options["postgresql"]["where"]
                assert (partial[index.name] or "").strip("()") == str(
                    "" if where is None else where
                )


def _condition(index: ReflectedIndex) -> str | None:
    options = index.get("dialect_options") or {}
    found = options.get("postgresql_where") or options.get("sqlite_where")
    return None if found is None else str(found).replace("::text", "").strip("()")


def test_an_upgraded_database_is_left_as_it_is(empty: Database) -> None:
    empty.upgrade()
    key, token = Keys(empty).create("studio", "laptop")
    empty.upgrade()
    assert Keys(empty).tenant_of(token) == key.tenant


def test_several_processes_may_upgrade_at_once(
    empty: Database, empty_url: str, run: crowd.Run
) -> None:
    run(crowd.upgrade, empty_url, range(20))
    assert not Keys(empty).exist()


def test_several_threads_may_upgrade_at_once(empty: Database) -> None:
    with ThreadPoolExecutor(5) as pool:
        list(pool.map(lambda _: empty.upgrade(), range(10)))
    assert not Keys(empty).exist()


def test_a_database_of_a_newer_neuralib_is_told(empty: Database) -> None:
    empty.upgrade()
    with empty.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(ClusterError, match=f"has version 9999, and this NeuraLib .* up to {HEAD}"):
        empty.upgrade()


def test_a_database_without_tables_is_told(empty: Database) -> None:
    with pytest.raises(DatabaseUnreachable, match=r"lacks the tables .* `neuralib serve`"):
        Keys(empty).exist()


def test_a_downgrade_leaves_nothing(empty: Database) -> None:
    empty.upgrade()
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with empty.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "base")
        assert inspect(connection).get_table_names() == ["alembic_version"]


def test_the_newest_migration_is_the_one_that_is_named() -> None:
    assert ScriptDirectory(str(MIGRATIONS)).get_current_head() == HEAD
