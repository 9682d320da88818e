from __future__ import annotations

import contextlib
import socket
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import text

from neuralib.errors import DatabaseUnreachable, OutputError, UsageError
from neuralib.jobs.database import Database
from neuralib.jobs.job import JobError
from neuralib.jobs.keys import Keys
from neuralib.jobs.leases import LEASE_SECONDS
from neuralib.jobs.open import open_database
from neuralib.jobs.repository import Jobs
from neuralib.jobs.samples import Samples
from neuralib.jobs.times import DatabaseTime
from neuralib.settings import load_settings
from tests.jobs.makers import Maker, a_sample

SECRET = "s3cr3t/ü"
QUOTED = "s3cr3t%2F%C3%BC"


@pytest.fixture
def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_a_database_that_answers_is_pinged(database: Database) -> None:
    database.ping()
    database.close()
    database.ping()  # opens again


def test_a_transaction_that_fails_leaves_nothing(database: Database, maker: Maker) -> None:
    job = maker.job()
    statement = text("UPDATE jobs SET progress = 0.5")
    with contextlib.suppress(ZeroDivisionError), database.begin() as connection:
        connection.execute(statement)
        raise ZeroDivisionError
    assert Jobs(database).get(maker.tenant, job.id).progress == 0.0


def test_times_are_the_databases_own_and_in_utc(database: Database, maker: Maker) -> None:
    claim = maker.running()
    with database.connect() as connection:
        row = connection.execute(
            text("SELECT lease_expires_at, started_at FROM jobs WHERE id = :id"),
            {"id": claim.job.id},
        ).one()
        now = connection.scalar(DatabaseTime(0.0).select())
    assert claim.job.started_at is not None
    assert now is not None
    assert now.utcoffset().total_seconds() == 0
    assert now >= claim.job.started_at
    if not database.is_postgresql:
        assert row.started_at == claim.job.started_at.strftime("%Y-%m-%d %H:%M:%S.%f")
        return
    assert round((row.lease_expires_at - row.started_at).total_seconds()) == LEASE_SECONDS


def test_a_text_that_cannot_be_stored_is_told(database: Database, maker: Maker) -> None:
    samples = Samples(database)
    with pytest.raises(UsageError, match=r"a text cannot be stored: .* take another one"):
        samples.add(a_sample(maker.tenant, name="\ud800.wav"))
    with pytest.raises(UsageError, match="NUL"):
        samples.get(maker.tenant, "smp_\0")
    with pytest.raises(UsageError, match="NUL"):
        samples.add(a_sample(maker.tenant, name="a\0b.wav"))


def test_a_run_can_end_with_any_message(database: Database, maker: Maker) -> None:
    jobs = Jobs(database)
    claim = maker.running()
    failed = jobs.fail(claim.job.id, claim.lease, JobError(code="decode", message="a\0b\ud800"))
    assert failed is not None
    assert failed == jobs.get(maker.tenant, claim.job.id)
    assert failed.error == JobError(code="decode", message="a\ufffdb?")
    claim = maker.running()
    assert jobs.crash(claim.job.id, claim.lease, "a\0b\ud800") is not None


@pytest.mark.parametrize(
    "url",
    [
        "",
        "nothing",
        "sqlite://",
        "mysql://root:s3cr3t@host/name",
        "postgresql://ann:s3cr3t@host:port/name",
        "postgresql://ann:pass@s3cr3t@host/name",
    ],
)
def test_only_addresses_of_the_two_databases_are_taken(url: str) -> None:
    with pytest.raises(
        UsageError, match="write postgresql://user:password@host:port/name"
    ) as caught:
        Database(url)
    assert "s3cr3t" not in str(caught.value)


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg"])
def test_an_unreachable_server_is_told_without_the_password(closed_port: int, scheme: str) -> None:
    database = Database(f"{scheme}://ann:{QUOTED}@127.0.0.1:{closed_port}/songs?password={QUOTED}")
    for ask in (database.ping, database.upgrade, Keys(database).exist, Jobs(database).sweep):
        with pytest.raises(DatabaseUnreachable) as caught:
            ask()
        message = caught.value.message
        assert f"postgresql://ann@127.0.0.1:{closed_port}/songs cannot be used:" in message
        assert "refused" in message
        assert "NEURALIB_DATABASE_URL" in message
        assert SECRET not in message
        assert QUOTED not in message
        assert caught.value.__suppress_context__
    database.close()


def test_a_wrong_database_is_told(postgres_url: str) -> None:
    database = Database(f"{postgres_url}_none")
    with pytest.raises(DatabaseUnreachable, match=r'database ".*_none" does not exist'):
        database.ping()
    database.close()


def test_connections_that_died_while_idle_are_replaced(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("neuralib.jobs.database.IDLE_SECONDS", 0.0)
    database, other = Database(postgres_url), Database(postgres_url)

    def hold(_: int) -> None:
        with database.connect() as connection:
            connection.execute(text("SELECT pg_sleep(0.05)"))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(hold, range(8)))
    with other.connect() as connection:
        ended = connection.execute(
            text(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        ).all()
    assert len(ended) == 4
    for _ in range(4):
        database.ping()
    database.close()
    other.close()


def test_a_connection_that_dies_in_use_is_told_once(postgres_url: str) -> None:
    database = Database(postgres_url)
    with pytest.raises(DatabaseUnreachable, match="cannot be used"), database.begin() as connection:
        connection.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))
    database.ping()
    database.close()


def test_a_pool_that_is_empty_is_told(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("neuralib.jobs.database.CONNECTIONS", 1)
    monkeypatch.setattr("neuralib.jobs.database.BUSY_SECONDS", 0.05)
    database = Database(postgres_url)
    with database.connect(), pytest.raises(DatabaseUnreachable, match="is too busy"):
        database.ping()
    database.close()


def test_a_file_that_is_no_database_is_told(tmp_path: Path) -> None:
    path = tmp_path / "song.wav"
    path.write_bytes(b"RIFF" * 1000)
    database = Database(f"sqlite:///{path}")
    for ask in (database.ping, database.upgrade):
        with pytest.raises(
            DatabaseUnreachable, match=r"song\.wav cannot be used: .*not a database"
        ):
            ask()
    database.close()


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match=r"cannot make the folder .*NEURALIB_DATA_DIR"):
        Database(f"sqlite:///{tmp_path}/file/folder/neuralib.db").ping()


def test_a_file_that_somebody_keeps_locked_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("neuralib.jobs.database.BUSY_SECONDS", 0.05)
    database = Database(f"sqlite:///{tmp_path}/neuralib.db")
    database.upgrade()
    other = sqlite3.connect(tmp_path / "neuralib.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    assert not Keys(database).exist()  # readers go on
    with pytest.raises(DatabaseUnreachable, match="database is locked"):
        Keys(database).create("studio", "laptop")
    other.close()
    Keys(database).create("studio", "laptop")
    database.close()


def test_the_settings_name_the_database(tmp_path: Path, postgres_url: str) -> None:
    own = open_database(load_settings(data_dir=tmp_path / "Müller's %41 #1?"))
    own.upgrade()
    assert (tmp_path / "Müller's %41 #1?" / "neuralib.db").is_file()
    own.close()
    shared = open_database(load_settings(data_dir=tmp_path, database_url=postgres_url))
    assert shared.is_postgresql
    shared.ping()
    shared.close()


def test_threads_write_to_sqlite_in_turn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    database = Database(f"sqlite:///{tmp_path / 'songs.db'}")
    with monkeypatch.context() as patch:
        patch.setattr("neuralib.jobs.database.BUSY_SECONDS", 0)  # SQLite does not wait at all
        database.ping()
    database.upgrade()
    maker = Maker(database)
    with ThreadPoolExecutor(8) as pool:
        jobs = list(pool.map(lambda _: maker.running().job, range(80)))
    assert len({job.id for job in jobs}) == 80
    database.close()
