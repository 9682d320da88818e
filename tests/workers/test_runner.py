"""A runner with a real child process, on both kinds of cluster."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from neuralib.errors import NotFound
from neuralib.service.runs import Runs
from neuralib.storage.keys import artifact_key
from neuralib.workers import run as run_module
from tests.workers.cluster import TENANT, Cluster, wait_until
from tests.workers.computes import ARTIFACT, RESULT
from tests.workers.conftest import MakeRunner


def as_soon_as_it_runs(cluster: Cluster, action: Callable[[], object]) -> None:
    """Do something in another thread: the runner's own lives as long as its child."""
    runs = len(cluster.log)

    def wait() -> None:
        wait_until(lambda: len(cluster.log) > runs)
        action()

    threading.Thread(target=wait, daemon=True).start()


def child_pid(cluster: Cluster) -> int:
    return int(cluster.log[-1][1])


def test_a_job_is_run_and_done(cluster: Cluster, make_runner: MakeRunner) -> None:
    job_id = cluster.submit("nothing")
    make_runner().run(job_id)
    job = cluster.job(job_id)
    assert (job.state, job.attempt, job.progress) == ("done", 1, 1.0)
    assert job.result == RESULT
    assert job.artifacts == (ARTIFACT,)


def test_a_job_that_does_not_wait_is_left_alone(cluster: Cluster, make_runner: MakeRunner) -> None:
    runner = make_runner()
    job_id = cluster.submit("nothing")
    runner.run(job_id)
    runner.run(job_id)
    runner.run("job_unknown")
    assert len(cluster.log) == 1
    assert cluster.job(job_id).attempt == 1


def test_jobs_share_one_process(cluster: Cluster, make_runner: MakeRunner) -> None:
    runner = make_runner()
    for _ in range(3):
        runner.run(cluster.submit("nothing"))
    assert [line[2] for line in cluster.log] == ["1", "2", "3"]
    assert len({line[1] for line in cluster.log}) == 1


def test_an_error_of_the_run_is_the_jobs(cluster: Cluster, make_runner: MakeRunner) -> None:
    job_id = cluster.submit("refuse")
    make_runner().run(job_id)
    job = cluster.job(job_id)
    assert job.state == "failed"
    assert job.error
    assert (job.error.code, job.error.message) == ("no_audio", "'song.wav' holds no audio")


def test_a_fault_of_ours_is_told_in_one_line(cluster: Cluster, make_runner: MakeRunner) -> None:
    runner = make_runner()
    job_id = cluster.submit("fault")
    runner.run(job_id)
    job = cluster.job(job_id)
    assert job.error
    assert job.error.code == "internal"
    assert "KeyError" in job.error.message
    assert "\n" not in job.error.message
    after = cluster.submit("nothing")
    runner.run(after)
    assert cluster.job(after).state == "done"
    assert cluster.log[0][1] == cluster.log[1][1]


def test_a_cancel_ends_a_run_that_listens_and_keeps_the_process(
    cluster: Cluster, make_runner: MakeRunner
) -> None:
    runner = make_runner()
    job_id = cluster.submit("listen 600")

    def cancel() -> None:
        cluster.service.cancel(TENANT, job_id)
        runner.stop(job_id)

    as_soon_as_it_runs(cluster, cancel)
    runner.run(job_id)
    assert cluster.job(job_id).state == "cancelled"
    after = cluster.submit("nothing")
    runner.run(after)
    assert cluster.job(after).state == "done"
    assert cluster.log[0][1] == cluster.log[1][1]


def test_a_cancel_kills_a_run_that_does_not_listen(
    cluster: Cluster, make_runner: MakeRunner
) -> None:
    runner = make_runner()
    job_id = cluster.submit("deaf 600")

    def cancel() -> None:
        cluster.service.cancel(TENANT, job_id)
        runner.stop(job_id)

    as_soon_as_it_runs(cluster, cancel)
    runner.run(job_id)
    assert cluster.job(job_id).state == "cancelled"
    after = cluster.submit("nothing")
    runner.run(after)
    assert cluster.job(after).state == "done"
    assert cluster.log[0][1] != cluster.log[1][1]


def test_what_a_run_stores_after_its_sample_is_gone_is_removed(
    cluster: Cluster, make_runner: MakeRunner, tmp_path: Path
) -> None:
    runner = make_runner()
    job_id = cluster.submit("listen 600")
    sample_id = cluster.job(job_id).sample_id
    key = artifact_key(TENANT, sample_id, "0" * 64)
    (tmp_path / "late").write_bytes(b"late")

    def remove() -> None:
        cluster.service.cancel(TENANT, job_id)
        cluster.service.remove_sample(TENANT, sample_id)
        cluster.parts.storage.put(key, tmp_path / "late")  # its child was about to
        runner.stop(job_id)

    as_soon_as_it_runs(cluster, remove)
    runner.run(job_id)
    with pytest.raises(NotFound):
        cluster.parts.storage.size(key)


def test_a_cancel_that_nobody_heard_of_ends_the_run_at_the_next_beat(
    cluster: Cluster, make_runner: MakeRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_module, "BEAT_SECONDS", 0.1)
    job_id = cluster.submit("listen 600")
    as_soon_as_it_runs(cluster, lambda: cluster.parts.jobs.cancel(TENANT, job_id))
    make_runner().run(job_id)
    assert cluster.job(job_id).state == "cancelled"


def test_a_stop_of_another_job_is_no_concern(cluster: Cluster, make_runner: MakeRunner) -> None:
    runner = make_runner()
    job_id = cluster.submit("listen 0.3")
    as_soon_as_it_runs(cluster, lambda: runner.stop("job_other"))
    runner.run(job_id)
    runner.stop(job_id)
    after = cluster.submit("listen 0.1")
    runner.run(after)
    assert [cluster.job(one).state for one in (job_id, after)] == ["done", "done"]


@pytest.mark.parametrize("leaves", [False, True])
def test_a_run_that_is_to_end_before_it_is_its_turn_is_not_begun(
    cluster: Cluster, make_runner: MakeRunner, leaves: bool
) -> None:
    runner = make_runner()
    job_id = cluster.submit("deaf 600")
    run = runner.begin(job_id)
    assert run
    if leaves:
        runner.leave(0)
    else:
        runner.stop(job_id)
    runner.complete(run)
    assert cluster.log == []
    assert cluster.job(job_id).state == ("queued" if leaves else "failed")


def test_a_run_that_is_stopped_without_a_cancel_fails(
    cluster: Cluster, make_runner: MakeRunner
) -> None:
    runner = make_runner()
    job_id = cluster.submit("listen 600")
    as_soon_as_it_runs(cluster, lambda: runner.stop(job_id))
    runner.run(job_id)
    job = cluster.job(job_id)
    assert job.state == "failed"
    assert job.error
    assert job.error.code == "cancelled"


@pytest.mark.parametrize("crash", ["crash", "exit"])
def test_a_job_that_takes_its_process_down_three_times_is_poisoned(
    cluster: Cluster, make_runner: MakeRunner, crash: str
) -> None:
    runner = make_runner()
    job_id = cluster.submit(crash)
    for attempt in (1, 2):
        runner.run(job_id)
        job = cluster.job(job_id)
        assert (job.state, job.attempt) == ("queued", attempt)
        assert cluster.parts.queue.missing([(job_id, "midi")]) == set()
    runner.run(job_id)
    job = cluster.job(job_id)
    assert job.state == "failed"
    assert job.error
    assert job.error.code == "poisoned"
    after = cluster.submit("nothing")
    runner.run(after)
    assert cluster.job(after).state == "done"


def test_a_child_that_somebody_kills_costs_one_attempt(
    cluster: Cluster, make_runner: MakeRunner
) -> None:
    runner = make_runner()
    job_id = cluster.submit("listen 0.4")
    as_soon_as_it_runs(cluster, lambda: os.kill(child_pid(cluster), signal.SIGKILL))
    runner.run(job_id)
    assert cluster.job(job_id).state == "queued"
    assert "SIGKILL" in (cluster.parts.jobs.attempts(TENANT, job_id)[0].message or "")
    runner.run(job_id)
    assert cluster.job(job_id).state == "done"


def test_a_child_that_dies_between_two_jobs_costs_nothing(
    cluster: Cluster, make_runner: MakeRunner
) -> None:
    runner = make_runner()
    runner.run(cluster.submit("nothing"))
    os.kill(child_pid(cluster), signal.SIGKILL)
    wait_until(lambda: runner._child.pid is None)
    job_id = cluster.submit("nothing")
    runner.run(job_id)
    job = cluster.job(job_id)
    assert (job.state, job.attempt) == ("done", 1)


@pytest.mark.parametrize("run", ["listen 600", "deaf 600"])
def test_a_run_that_takes_too_long_fails(
    cluster: Cluster, make_runner: MakeRunner, run: str
) -> None:
    job_id = cluster.submit(run)
    make_runner(timeout_seconds=0.5).run(job_id)
    job = cluster.job(job_id)
    assert job.state == "failed"
    assert job.error
    assert job.error.code == "time_limit"
    assert "0.5 seconds" in job.error.message


def test_who_leaves_at_once_hands_the_job_back_without_burning_an_attempt(
    cluster: Cluster, make_runner: MakeRunner
) -> None:
    runner = make_runner()
    job_id = cluster.submit("listen 600")
    as_soon_as_it_runs(cluster, lambda: runner.leave(0))
    runner.run(job_id)
    job = cluster.job(job_id)
    assert (job.state, job.attempt) == ("queued", 0)
    assert runner.leaving
    assert cluster.parts.queue.missing([(job_id, "midi")]) == set()


def test_who_leaves_with_grace_finishes_first(cluster: Cluster, make_runner: MakeRunner) -> None:
    runner = make_runner()
    job_id = cluster.submit("listen 0.4")
    as_soon_as_it_runs(cluster, lambda: runner.leave(600))
    runner.run(job_id)
    assert cluster.job(job_id).state == "done"


def test_the_second_leave_ends_the_grace(cluster: Cluster, make_runner: MakeRunner) -> None:
    runner = make_runner()
    job_id = cluster.submit("listen 600")

    def leave() -> None:
        runner.leave(600)
        runner.leave(0)

    as_soon_as_it_runs(cluster, leave)
    runner.run(job_id)
    assert cluster.job(job_id).state == "queued"


def test_an_idle_child_is_ended_and_its_files_removed(
    cluster: Cluster, make_runner: MakeRunner
) -> None:
    runner = make_runner(idle_release_seconds=0.1)
    runner.run(cluster.submit("nothing"))
    wait_until(lambda: runner._child.pid is None and not Path(cluster.log[0][3]).exists())
    job_id = cluster.submit("nothing")
    runner.run(job_id)
    assert cluster.job(job_id).state == "done"
    assert cluster.log[0][1] != cluster.log[1][1]


def test_a_full_device_is_tried_again_without_the_models_of_earlier_jobs(
    cluster: Cluster, make_runner: MakeRunner
) -> None:
    runner = make_runner()
    runner.run(cluster.submit("nothing"))
    job_id = cluster.submit("full")
    runner.run(job_id)
    job = cluster.job(job_id)
    assert (job.state, job.attempt) == ("done", 1)
    assert [line[0] for line in cluster.log] == ["nothing", "full", "full"]


def test_listeners_hear_of_a_run_at_most_four_times_a_second(
    cluster: Cluster, make_runner: MakeRunner
) -> None:
    before = cluster.parts.events.last_id(TENANT)
    make_runner().run(cluster.submit("listen 1.2"))
    entries = cluster.parts.events.since(TENANT, before)
    assert entries
    events = [entry.event for entry in entries]
    assert (events[0].state, events[-1].state) == ("running", "done")
    progress = [event.progress for event in events]
    assert progress == sorted(progress)
    assert 4 <= len(events) <= 2 + 1.2 * 4 + 1
    assert any(event.eta_seconds for event in events)


def test_a_run_whose_lease_may_have_run_out_tells_no_progress(
    cluster: Cluster, make_runner: MakeRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_module, "_SURE_SECONDS", 0.0)
    before = cluster.parts.events.last_id(TENANT)
    make_runner().run(cluster.submit("listen 0.6"))
    entries = cluster.parts.events.since(TENANT, before)
    assert entries
    assert [(entry.event.state, entry.event.progress) for entry in entries] == [
        ("running", 0.0),
        ("done", 1.0),
    ]


def test_a_fault_between_two_jobs_does_not_end_the_beats(
    laptop: Cluster, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from neuralib.workers.child import Child
    from neuralib.workers.runner import Runner
    from tests.workers.computes import open_scripted

    child = Child(laptop.settings, open_scripted)
    runner = Runner(laptop.runs, child, "tester", timeout_seconds=60, idle_release_seconds=0.1)
    kill = child.kill

    def fault() -> None:
        raise OSError("fault")

    runner.run(laptop.submit("nothing"))
    monkeypatch.setattr(child, "kill", fault)
    wait_until(lambda: "a fault in a worker" in caplog.text)
    monkeypatch.setattr(child, "kill", kill)
    wait_until(lambda: child.pid is None)
    runner.close()


def test_sql_learns_of_the_progress_with_the_beats(
    cluster: Cluster, make_runner: MakeRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_module, "BEAT_SECONDS", 0.1)
    runner = make_runner()
    job_id = cluster.submit("listen 600")

    def wait() -> None:
        wait_until(lambda: cluster.job(job_id).progress > 0)
        runner.leave(0)

    as_soon_as_it_runs(cluster, wait)
    runner.run(job_id)


def test_a_fault_in_what_the_runner_calls_is_left_to_the_lease(
    laptop: Cluster, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from neuralib.workers.child import Child
    from neuralib.workers.runner import Runner
    from tests.workers.computes import open_scripted

    def fault(*_: object) -> None:
        raise KeyError("fault")

    monkeypatch.setattr(Runs, "finish", fault)
    runner = Runner(
        laptop.runs, Child(laptop.settings, open_scripted), "tester",
        timeout_seconds=60, idle_release_seconds=60,
    )  # fmt: skip
    job_id = laptop.submit("nothing")
    runner.run(job_id)
    assert laptop.job(job_id).state == "running"
    assert f"left job {job_id} to its lease" in caplog.text
    runner.close()
