"""Workers as processes of their own, on PostgreSQL and Redis."""

from __future__ import annotations

import json
import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import pytest
from redis import Redis
from rq.command import send_shutdown_command, send_stop_job_command
from rq.serializers import JSONSerializer

from neuralib.jobs.job import Job
from neuralib.queue.base import WorkerInfo
from neuralib.queue.rq_job import RunJob, lane_queue, new_job
from neuralib.tasks import MidiTask, SeparateTask
from tests.conftest import ROOT
from tests.workers.cluster import TENANT, Cluster, wait_until

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start(servers: Cluster, tmp_path: Path) -> Iterator[Start]:
    """Start a worker process; its log is `worker.log`."""
    started: list[subprocess.Popen[str]] = []

    def start(grace_seconds: float = 30, compute: str = "scripted") -> subprocess.Popen[str]:
        settings = servers.settings
        assert settings.database_url
        assert settings.redis_url
        with (tmp_path / "worker.log").open("a") as log:
            process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "tests.workers.worker_process"),
                    str(settings.data_dir),
                    settings.database_url.get_secret_value(),
                    settings.redis_url.get_secret_value(),
                    str(grace_seconds),
                    compute,
                ],
                cwd=ROOT,
                env=os.environ | {"NEURALIB_MODELS_DIR": str(settings.models_folder)},
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def redis(servers: Cluster) -> Iterator[Redis]:
    assert servers.settings.redis_url
    with Redis.from_url(servers.settings.redis_url.get_secret_value()) as client:
        yield client


def running(cluster: Cluster, job_id: str, runs: int = 1) -> None:
    """Wait until the child is in the run."""
    wait_until(lambda: len(cluster.log) >= runs)
    cluster.wait_for(job_id, "running")


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_a_worker_takes_jobs_runs_them_and_imports_no_model_library(
    servers: Cluster, start: Start, redis: Redis
) -> None:
    process = start()
    jobs = [servers.submit("nothing") for _ in range(5)]
    for job_id in jobs:
        servers.wait_for(job_id, "done")
    assert len({line[1] for line in servers.log}) == 1
    process.send_signal(signal.SIGTERM)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert output == "imported:\n"
    assert redis.keys("rq:job:*") == []
    assert redis.keys("rq:wip:*") == []
    assert not is_alive(int(servers.log[0][1]))


def test_no_task_has_to_wait_for_all_of_another(servers: Cluster, start: Start) -> None:
    jobs = [servers.submit("nothing", task) for task in [SeparateTask()] * 4 + [MidiTask()] * 2]
    start()
    begun = sorted((servers.wait_for(job_id, "done") for job_id in jobs), key=when)
    assert [job.task.kind for job in begun[:2]] == ["separate", "midi"]


def when(job: Job) -> datetime:
    assert job.started_at
    return job.started_at


def test_the_workers_are_listed_with_what_they_do(servers: Cluster, start: Start) -> None:
    start()
    job_id = servers.submit("listen 600")
    running(servers, job_id)
    wait_until(lambda: [info.state for info in servers.parts.queue.workers()] == ["busy"])
    [info] = servers.parts.queue.workers()
    assert info == WorkerInfo(info.name, ("separate", "midi", "transcribe"), "busy", job_id)
    servers.service.cancel(TENANT, job_id)
    wait_until(lambda: servers.parts.queue.workers()[0].state == "idle")
    assert servers.parts.queue.workers()[0].job_id is None


def test_a_worker_that_left_is_listed_no_more(servers: Cluster, start: Start) -> None:
    process = start()
    wait_until(servers.parts.queue.workers)
    process.send_signal(signal.SIGTERM)
    process.wait(60)
    assert servers.parts.queue.workers() == []


@pytest.mark.parametrize("run", ["listen 600", "deaf 600"])
def test_a_cancel_reaches_the_worker_and_the_next_job_is_run(
    servers: Cluster, start: Start, run: str
) -> None:
    start()
    job_id = servers.submit(run)
    running(servers, job_id)
    servers.service.cancel(TENANT, job_id)
    after = servers.submit("nothing")
    servers.wait_for(after, "done")
    assert servers.job(job_id).state == "cancelled"
    assert (servers.log[0][1] == servers.log[1][1]) == (run == "listen 600")


def test_a_worker_that_is_killed_takes_its_child_with_it_and_the_job_is_done_once(
    servers: Cluster, start: Start
) -> None:
    process = start()
    job_id = servers.submit("listen 2")
    running(servers, job_id)
    child = int(servers.log[0][1])
    process.kill()
    process.wait()
    wait_until(lambda: not is_alive(child))
    assert servers.job(job_id).state == "running"
    expire(servers, job_id)
    servers.reconciler.sweep()
    assert servers.job(job_id).state == "queued"
    start()
    job = servers.wait_for(job_id, "done")
    assert (job.attempt, len(servers.log)) == (2, 2)
    assert [attempt.outcome for attempt in servers.parts.jobs.attempts(TENANT, job_id)] in (
        ["crashed", "done"],
        ["done", "crashed"],
    )


def expire(cluster: Cluster, job_id: str) -> None:
    """Let the lease run out now."""
    import psycopg

    assert cluster.settings.database_url
    with psycopg.connect(cluster.settings.database_url.get_secret_value()) as connection:
        connection.execute(
            "UPDATE jobs SET lease_expires_at = now() - interval '1 second' WHERE id = %s",
            [job_id],
        )


def test_sigterm_lets_the_job_finish(servers: Cluster, start: Start) -> None:
    process = start(grace_seconds=600)
    job_id = servers.submit("listen 2")
    waiting = servers.submit("nothing")
    running(servers, job_id)
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 0
    assert servers.job(job_id).state == "done"
    assert servers.job(waiting).state == "queued"


def test_sigterm_without_grace_hands_the_job_back(servers: Cluster, start: Start) -> None:
    process = start(grace_seconds=0)
    job_id = servers.submit("listen 600")
    running(servers, job_id)
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 0
    job = servers.job(job_id)
    assert (job.state, job.attempt) == ("queued", 0)
    assert servers.parts.queue.missing([(job_id, "midi")]) == set()


def test_a_second_sigterm_ends_the_grace(servers: Cluster, start: Start, tmp_path: Path) -> None:
    process = start(grace_seconds=600)
    job_id = servers.submit("deaf 600")
    running(servers, job_id)
    process.send_signal(signal.SIGTERM)
    wait_until(lambda: "leaves" in (tmp_path / "worker.log").read_text())
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 0
    assert servers.job(job_id).state == "queued"


def test_what_is_not_ours_is_refused_and_does_not_stop_the_worker(
    servers: Cluster, start: Start, redis: Redis, tmp_path: Path
) -> None:
    proof = tmp_path / "proof"
    queue = lane_queue(redis, "midi", "normal")
    evil = {
        "job_evil1": json.dumps(["os.mkdir", None, [str(proof)], {}]).encode(),
        "job_evil2": pickle.dumps((os.mkdir, None, (str(proof),), {})),
        "job_evil3": b"\x80garbage",
    }
    for job_id, data in evil.items():
        redis.hset(RunJob.key_for(job_id), "data", data)
        queue.push_job_id(job_id)
    redis.rpush(queue.key, "not even an id \x00")
    redis.rpush(queue.key, b"\xff\xfe")
    job_id = servers.submit("nothing")
    start()
    servers.wait_for(job_id, "done")
    assert not proof.exists()
    log = (tmp_path / "worker.log").read_text()
    assert log.count("refused job job_evil") == 3


def test_an_overwritten_payload_costs_a_job_nothing_but_time(
    servers: Cluster, start: Start, redis: Redis
) -> None:
    job_id = servers.submit("nothing")
    redis.hset(RunJob.key_for(job_id), "data", json.dumps(["os.abort", None, [], {}]))
    start()
    wait_until(lambda: redis.llen(lane_queue(redis, "midi", "normal").key) == 0)
    assert servers.job(job_id).state == "queued"
    servers.parts.queue.put(job_id, "midi")
    servers.wait_for(job_id, "done")


def test_rqs_own_commands_are_understood(servers: Cluster, start: Start, redis: Redis) -> None:
    process = start(grace_seconds=0)
    job_id = servers.submit("listen 600")
    running(servers, job_id)
    wait_until(servers.parts.queue.workers)
    [info] = servers.parts.queue.workers()
    redis.publish(f"rq:pubsub:{info.name}", "garbage")
    job = new_job(redis, job_id)
    job.worker_name = info.name
    job.save()
    wait_until(lambda: redis.pubsub_numsub(f"rq:pubsub:{info.name}")[0][1])
    send_stop_job_command(redis, job_id, JSONSerializer)
    assert servers.wait_for(job_id, "failed").error
    send_shutdown_command(redis, info.name)
    assert process.wait(60) == 0


def test_without_services_a_worker_says_so_and_waits(servers: Cluster, tmp_path: Path) -> None:
    from tests.servers.redis import RedisServer

    server = RedisServer(tmp_path / "redis")
    assert servers.settings.database_url
    with (tmp_path / "worker.log").open("a") as log:
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "tests.workers.worker_process"),
                str(servers.settings.data_dir),
                servers.settings.database_url.get_secret_value(),
                server.url, "0", "scripted",
            ],
            cwd=ROOT, stderr=log, text=True,
        )  # fmt: skip
    try:
        wait_until(lambda: "waiting: " in (tmp_path / "worker.log").read_text())
        server.start()
        wait_until(lambda: "takes separate" in (tmp_path / "worker.log").read_text())
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.wait()
        server.close()
