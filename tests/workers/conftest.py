from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from redis import Redis

from neuralib.service.parts import opened_parts
from neuralib.settings import Settings
from neuralib.workers.child import Child
from neuralib.workers.runner import Runner
from tests.workers.cluster import Cluster
from tests.workers.computes import open_scripted


@pytest.fixture
def laptop(tmp_path: Path, models_dir: Path) -> Iterator[Cluster]:
    """SQLite, a folder, queue and events inside this process."""
    settings = Settings(data_dir=tmp_path / "data", models_dir=models_dir, offline=True)
    with opened_parts(settings) as parts:
        yield Cluster(settings, parts)


@pytest.fixture
def servers(
    tmp_path: Path, models_dir: Path, postgres_url: str, redis_url: str
) -> Iterator[Cluster]:
    """PostgreSQL and Redis; the storage is a folder."""
    with Redis.from_url(redis_url) as client:
        client.flushdb()
    settings = Settings(
        data_dir=tmp_path / "data",
        models_dir=models_dir,
        offline=True,
        database_url=postgres_url,  # type: ignore[arg-type]  # pydantic makes them secret
        redis_url=redis_url,  # type: ignore[arg-type]
    )
    (tmp_path / "data").mkdir()
    with opened_parts(settings) as parts:
        yield Cluster(settings, parts)


@pytest.fixture(params=["laptop", "servers"])
def cluster(request: pytest.FixtureRequest) -> Cluster:
    """Each of them in turn."""
    found: Cluster = request.getfixturevalue(request.param)
    return found


MakeRunner = Callable[..., Runner]


@pytest.fixture
def make_runner(cluster: Cluster) -> Iterator[MakeRunner]:
    """A runner whose child does what the sample is called."""
    made: list[Runner] = []

    def make(timeout_seconds: float = 60.0, idle_release_seconds: float = 60.0) -> Runner:
        runner = Runner(
            cluster.runs,
            Child(cluster.settings, open_scripted),
            "tester",
            timeout_seconds=timeout_seconds,
            idle_release_seconds=idle_release_seconds,
        )
        made.append(runner)
        return runner

    yield make
    for runner in made:
        runner.close()
