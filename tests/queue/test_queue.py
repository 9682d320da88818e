"""What every queue does; each test runs on the embedded queue and on RQ in a real Redis."""

from __future__ import annotations

from neuralib.jobs.ids import new_id
from neuralib.queue.base import LANES, TASK_KINDS, Queue
from tests.queue.conftest import take


def test_jobs_come_out_in_the_order_in_which_they_went_in(queue: Queue) -> None:
    ids = [new_id("job") for _ in range(5)]
    for job_id in ids:
        queue.put(job_id, "midi")
    assert [take(queue, ["midi"]) for _ in range(6)] == [*ids, None]


def test_the_high_lane_of_every_task_goes_before_the_normal_lane_of_any(queue: Queue) -> None:
    queue.put("job_1", "separate")
    queue.put("job_2", "midi")
    queue.put("job_3", "midi", "high")
    assert [take(queue, ["separate", "midi"]) for _ in range(3)] == ["job_3", "job_1", "job_2"]


def test_a_worker_gets_its_own_tasks_only(queue: Queue) -> None:
    queue.put("job_1", "separate")
    assert take(queue, ["midi", "transcribe"]) is None
    assert take(queue, ["midi", "separate"]) == "job_1"


def test_a_removed_job_does_not_come_out_of_either_lane(queue: Queue) -> None:
    queue.put("job_1", "midi")
    queue.put("job_2", "midi", "high")
    queue.remove("job_1", "midi")
    queue.remove("job_2", "midi")
    queue.remove("job_3", "midi")
    assert take(queue, ["midi"]) is None


def test_missing_tells_the_jobs_that_wait_in_no_lane_of_their_task(queue: Queue) -> None:
    queue.put("job_1", "midi")
    queue.put("job_2", "transcribe", "high")
    asked = [("job_1", "midi"), ("job_2", "transcribe"), ("job_3", "midi"), ("job_1", "separate")]
    assert queue.missing(asked[:3]) == {"job_3"}  # type: ignore[arg-type]  # literals in a list
    take(queue, ["midi"])
    assert queue.missing([("job_1", "midi")]) == {"job_1"}
    assert queue.missing([]) == set()


def test_depths_tell_of_every_lane_how_many_wait_and_how_long(queue: Queue) -> None:
    queue.put("job_1", "midi")
    queue.put("job_2", "midi")
    found = {(depth.kind, depth.lane): depth for depth in queue.depths()}
    assert set(found) == {(kind, lane) for kind in TASK_KINDS for lane in LANES}
    assert found["midi", "normal"].waiting == 2
    assert found["midi", "normal"].age_seconds > 0
    assert found["midi", "high"].waiting == 0
    assert found["midi", "high"].age_seconds == 0


def test_nobody_has_to_be_there_for_a_stop(queue: Queue) -> None:
    queue.stop("job_1")
    assert queue.workers() == []
    queue.ping()
