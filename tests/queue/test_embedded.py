from __future__ import annotations

import threading

from neuralib.queue.base import WorkerInfo
from neuralib.queue.embedded import EmbeddedQueue


def test_a_job_wakes_the_worker_that_waits_for_it() -> None:
    queue = EmbeddedQueue()
    taken: list[str | None] = []
    consumer = threading.Thread(target=lambda: taken.append(queue.take(["midi"], 60)))
    consumer.start()
    queue.put("job_1", "midi")
    consumer.join(60)
    assert taken == ["job_1"]


def test_two_workers_never_get_the_same_job() -> None:
    queue = EmbeddedQueue()
    taken: list[str] = []

    def consume() -> None:
        while job_id := queue.take(["midi"], 0.5):
            taken.append(job_id)

    workers = [threading.Thread(target=consume) for _ in range(4)]
    for worker in workers:
        worker.start()
    for number in range(400):
        queue.put(f"job_{number}", "midi")
    for worker in workers:
        worker.join()
    assert sorted(taken) == sorted(f"job_{number}" for number in range(400))


def test_a_job_that_is_put_twice_waits_once() -> None:
    queue = EmbeddedQueue()
    queue.put("job_1", "midi")
    queue.put("job_1", "midi")
    assert [queue.take(["midi"], 0), queue.take(["midi"], 0)] == ["job_1", None]


def test_a_stop_reaches_who_listens() -> None:
    queue = EmbeddedQueue()
    heard: list[str] = []
    queue.on_stop(heard.append)
    queue.stop("job_1")
    assert heard == ["job_1"]


def test_workers_are_listed_as_they_told() -> None:
    queue = EmbeddedQueue()
    queue.tell(WorkerInfo("here", ("midi",), "idle", None))
    queue.tell(WorkerInfo("here", ("midi",), "busy", "job_1"))
    assert queue.workers() == [WorkerInfo("here", ("midi",), "busy", "job_1")]
    queue.forget("here")
    assert queue.workers() == []
