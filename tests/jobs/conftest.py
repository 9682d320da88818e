"""Every test of this folder runs on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from neuralib.jobs.database import Database
from neuralib.jobs.keys import Keys
from neuralib.jobs.repository import Jobs
from neuralib.jobs.samples import Samples
from tests.jobs.crowd import Run, crowd
from tests.jobs.makers import Maker


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The address of a database without tables."""
    if request.param == "postgresql":
        url: str = request.getfixturevalue("postgres_url")
        return url
    folder: Path = tmp_path_factory.mktemp("database")
    return f"sqlite:///{folder / 'neuralib.db'}"


@pytest.fixture(scope="module")
def url(empty_url: str) -> str:
    """The address of a database with tables; a module's tests share it."""
    database = Database(empty_url)
    database.upgrade()
    database.close()
    return empty_url


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    database = Database(url)
    yield database
    database.close()


@pytest.fixture
def samples(database: Database) -> Samples:
    return Samples(database)


@pytest.fixture
def jobs(database: Database) -> Jobs:
    return Jobs(database)


@pytest.fixture
def keys(database: Database) -> Keys:
    return Keys(database)


@pytest.fixture
def maker(database: Database) -> Maker:
    """Makes samples and jobs of a tenant that no other test knows."""
    return Maker(database)


@pytest.fixture(scope="session")
def run() -> Iterator[Run]:
    """Does something in several processes and threads at once."""
    with crowd() as run:
        yield run
