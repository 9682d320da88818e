"""The worker inside `neuralib serve`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime

import pytest

from neuralib.errors import UsageError
from neuralib.jobs.job import Job
from neuralib.tasks import MidiTask, SeparateTask
from neuralib.workers.embedded import EmbeddedWorker
from neuralib.workers.main import open_embedded, run_worker
from tests.workers.cluster import TENANT, Cluster, wait_until
from tests.workers.computes import open_scripted

Start = Callable[[], EmbeddedWorker]


@pytest.fixture
def start(laptop: Cluster) -> Iterator[Start]:
    started: list[EmbeddedWorker] = []

    def start() -> EmbeddedWorker:
        worker = open_embedded(laptop.parts, laptop.settings, open_scripted)
        worker.start()
        started.append(worker)
        return worker

    yield start
    for worker in started:
        worker.stop()


def test_jobs_are_run_in_the_process_that_takes_them(laptop: Cluster, start: Start) -> None:
    start()
    jobs = [laptop.submit("nothing") for _ in range(3)]
    for job_id in jobs:
        laptop.wait_for(job_id, "done")
    assert len({line[1] for line in laptop.log}) == 1


def test_no_task_has_to_wait_for_all_of_another(laptop: Cluster, start: Start) -> None:
    jobs = [laptop.submit("nothing", task) for task in [SeparateTask()] * 4 + [MidiTask()] * 2]
    start()
    begun = sorted((laptop.wait_for(job_id, "done") for job_id in jobs), key=when)
    assert [job.task.kind for job in begun[:2]] == ["separate", "midi"]


def when(job: Job) -> datetime:
    assert job.started_at
    return job.started_at


def test_a_cancel_through_the_service_ends_the_run(laptop: Cluster, start: Start) -> None:
    start()
    job_id = laptop.submit("listen 600")
    wait_until(lambda: laptop.log)
    assert [info.job_id for info in laptop.parts.queue.workers()] == [job_id]
    laptop.service.cancel(TENANT, job_id)
    laptop.wait_for(laptop.submit("nothing"), "done")
    assert laptop.job(job_id).state == "cancelled"


def test_the_end_of_the_process_hands_the_job_back_and_the_next_one_takes_it(
    laptop: Cluster, start: Start
) -> None:
    worker = start()
    job_id = laptop.submit("listen 1")
    wait_until(lambda: laptop.log)
    worker.stop()
    assert (laptop.job(job_id).state, laptop.job(job_id).attempt) == ("queued", 0)
    assert laptop.parts.queue.workers() == []
    start()
    assert laptop.wait_for(job_id, "done").attempt == 1


def test_a_queue_in_redis_is_not_served_from_inside(servers: Cluster) -> None:
    with pytest.raises(UsageError, match="neuralib worker"):
        open_embedded(servers.parts, servers.settings)


def test_a_worker_without_redis_says_what_to_do(laptop: Cluster) -> None:
    with pytest.raises(UsageError, match="NEURALIB_REDIS_URL"):
        run_worker(laptop.settings)
