"""Services that go away while a worker needs them, and come back."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
import redis

from neuralib.service.parts import opened_parts
from neuralib.settings import Settings
from neuralib.workers.child import Child
from neuralib.workers.runner import Runner
from tests.conftest import ROOT
from tests.servers.redis import RedisServer
from tests.workers.cluster import TENANT, Cluster, wait_until
from tests.workers.computes import open_scripted


@pytest.fixture
def own(tmp_path: Path, postgres_url: str, redis_server: RedisServer) -> Iterator[Cluster]:
    """A cluster whose Redis is this test's own."""
    (tmp_path / "data").mkdir()
    settings = Settings(
        data_dir=tmp_path / "data",
        database_url=postgres_url,  # type: ignore[arg-type]  # pydantic makes them secret
        redis_url=redis_server.url,  # type: ignore[arg-type]
    )
    with opened_parts(settings) as parts:
        yield Cluster(settings, parts)


@contextmanager
def worker(cluster: Cluster, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    assert cluster.settings.database_url
    assert cluster.settings.redis_url
    with log.open("a") as output:
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "tests.workers.worker_process"),
                str(cluster.settings.data_dir),
                cluster.settings.database_url.get_secret_value(),
                cluster.settings.redis_url.get_secret_value(),
                *("0", "scripted"),
            ],
            cwd=ROOT,
            stderr=output,
            stdout=output,
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def test_a_run_is_finished_while_redis_is_away(
    own: Cluster, redis_server: RedisServer, tmp_path: Path
) -> None:
    job_id = own.submit("listen 2")
    with worker(own, tmp_path / "worker.log") as process:
        wait_until(lambda: own.log)
        redis_server.stop()
        job = own.wait_for(job_id, "done")
        assert (job.attempt, len(own.log)) == (1, 1)
        wait_until(lambda: "waiting for Redis" in (tmp_path / "worker.log").read_text())
        redis_server.start()
        after = own.submit("nothing")
        own.wait_for(after, "done")
        assert process.poll() is None


def test_a_worker_outlives_a_redis_that_forgets_everything(
    own: Cluster, redis_server: RedisServer, tmp_path: Path
) -> None:
    with worker(own, tmp_path / "worker.log") as process:
        own.wait_for(own.submit("nothing"), "done")
        # It tells SQL that the job is done before it tells Redis that it rests.
        wait_until(lambda: own.parts.queue.workers()[0].state == "idle")
        before = own.parts.queue.workers()
        redis_server.kill()
        wait_until(lambda: "waiting for Redis" in (tmp_path / "worker.log").read_text())
        for file in (redis_server.folder).rglob("*.aof"):
            file.unlink()
        redis_server.start()
        own.wait_for(own.submit("nothing"), "done")
        wait_until(lambda: own.parts.queue.workers() == before)
        job_id = own.submit("listen 600")
        wait_until(lambda: len(own.log) == 3)
        wait_until(lambda: redis_listens(own))
        own.service.cancel(TENANT, job_id)
        own.wait_for(own.submit("nothing"), "done")
        assert process.poll() is None


def test_a_redis_that_refuses_is_not_asked_all_the_time(own: Cluster, tmp_path: Path) -> None:
    assert own.settings.redis_url
    log = tmp_path / "worker.log"
    with redis.Redis.from_url(own.settings.redis_url.get_secret_value()) as client:
        client.set("rq:queue:neuralib.midi.high", "no list")
        with worker(own, log):
            wait_until(lambda: "waiting for Redis" in log.read_text())
            time.sleep(2.0)
            assert log.read_text().count("waiting for Redis") == 1
            client.delete("rq:queue:neuralib.midi.high")
            own.wait_for(own.submit("nothing"), "done")


def redis_listens(cluster: Cluster) -> bool:
    assert cluster.settings.redis_url
    with redis.Redis.from_url(cluster.settings.redis_url.get_secret_value()) as client:
        return bool(client.pubsub_numsub("neuralib:stop")[0][1])


@contextmanager
def without_database(url: str) -> Iterator[None]:
    """Let nobody into the database, and throw out who is."""
    server, _, name = url.rpartition("/")
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")  # type: ignore[arg-type]
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name]
        )
        yield
        connection.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")  # type: ignore[arg-type]


def test_a_run_outlives_its_database(
    servers: Cluster, postgres_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    runner = Runner(
        servers.runs,
        Child(servers.settings, open_scripted),
        "tester",
        timeout_seconds=60,
        idle_release_seconds=60,
    )
    job_id = servers.submit("listen 1")

    def outage() -> None:
        wait_until(lambda: servers.log)
        with without_database(postgres_url):
            wait_until(lambda: "waiting: " in caplog.text)

    thread = threading.Thread(target=outage)
    thread.start()
    runner.run(job_id)
    thread.join()
    job = servers.job(job_id)
    assert (job.state, job.attempt, len(servers.log)) == ("done", 1, 1)
    runner.close()


def test_a_job_that_cannot_be_claimed_now_is_claimed_later(
    servers: Cluster, postgres_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    runner = Runner(
        servers.runs,
        Child(servers.settings, open_scripted),
        "tester",
        timeout_seconds=60,
        idle_release_seconds=60,
    )
    job_id = servers.submit("nothing")
    with without_database(postgres_url):
        thread = threading.Thread(target=runner.run, args=[job_id])
        thread.start()
        wait_until(lambda: "waiting: " in caplog.text)
    wait_until(lambda: servers.job(job_id).state == "done")
    thread.join()
    runner.close()
