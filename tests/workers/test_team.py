"""Several jobs under way in one worker."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import pytest
import soundfile

from neuralib.engines.pool import Engines
from neuralib.execute import Source, execute
from neuralib.execute.sink import FolderSink
from neuralib.models.open import open_store
from neuralib.progress import silent
from neuralib.queue.base import TaskKind
from neuralib.queue.embedded import EmbeddedQueue
from neuralib.tasks import MidiTask, SeparateTask, TranscribeTask
from neuralib.workers import runner as runner_module
from neuralib.workers.child import Child
from neuralib.workers.compute import OpenCompute
from neuralib.workers.embedded import EmbeddedWorker
from neuralib.workers.main import open_embedded
from neuralib.workers.messages import Answer, Failed
from neuralib.workers.rq_worker import RqWorker
from neuralib.workers.runner import Runner
from neuralib.workers.team import Team
from tests.audio_files import tone
from tests.workers.cluster import TENANT, Cluster, wait_until
from tests.workers.computes import open_scripted
from tests.workers.engine_openers import open_held

Start = Callable[..., EmbeddedWorker]
SHORT, LONG = 1.0, 1000.0
"""Lengths of recordings, in seconds."""


@pytest.fixture
def start(laptop: Cluster) -> Iterator[Start]:
    started: list[EmbeddedWorker] = []

    def start(open_compute: OpenCompute = open_scripted, together: int = 2) -> EmbeddedWorker:
        worker = open_embedded(laptop.parts, laptop.settings, open_compute, together)
        worker.start()
        started.append(worker)
        return worker

    yield start
    for worker in started:
        worker.stop()


def short(cluster: Cluster, what: str) -> str:
    return cluster.submit(what, audio_seconds=SHORT)


def time_of(moment: datetime | None) -> datetime:
    assert moment
    return moment


def outcomes(cluster: Cluster, job_id: str) -> list[str | None]:
    return [attempt.outcome for attempt in cluster.parts.jobs.attempts(TENANT, job_id)]


def test_a_job_begins_at_once_and_the_next_one_joins_it(laptop: Cluster, start: Start) -> None:
    start()
    first = short(laptop, "listen 600")
    laptop.wait_for(first, "running")
    second = short(laptop, "listen 600")
    wait_until(lambda: len(laptop.log) == 2)
    assert [laptop.job(each).state for each in (first, second)] == ["running", "running"]
    assert len({line[1] for line in laptop.log}) == 1


def test_nobody_waits_for_a_job_that_ended_before_the_wait(laptop: Cluster) -> None:
    runner = Runner(
        laptop.runs,
        Child(laptop.settings, open_scripted),
        "tester",
        timeout_seconds=60,
        idle_release_seconds=60,
    )
    team = Team(runner, 2)
    team.run(short(laptop, "nothing"))
    wait_until(lambda: team.kind is None)
    began = time.monotonic()
    team.wait(5.0)
    assert time.monotonic() - began < 5.0
    team.join()
    runner.close()


def test_no_more_jobs_are_under_way_than_may_be(laptop: Cluster, start: Start) -> None:
    jobs = [short(laptop, "listen 600") for _ in range(3)]
    start()
    wait_until(lambda: len(laptop.log) == 2)
    assert laptop.job(jobs[2]).state == "queued"
    laptop.service.cancel(TENANT, jobs[1])
    laptop.wait_for(jobs[2], "running")
    assert laptop.job(jobs[0]).state == "running"
    laptop.service.cancel(TENANT, jobs[0])
    wait_until(lambda: laptop.parts.queue.workers()[0].job_id == jobs[2])


def test_a_long_job_waits_for_short_ones_and_nothing_joins_it(
    laptop: Cluster, start: Start
) -> None:
    names = ["listen 0.5", "listen 0.2", "nothing"]
    lengths = [SHORT, LONG, SHORT]
    jobs = [laptop.submit(n, audio_seconds=s) for n, s in zip(names, lengths, strict=True)]
    start()
    ran = [laptop.wait_for(job_id, "done") for job_id in jobs]
    assert [line[4] for line in laptop.log] == ["True", "False", "True"]
    assert time_of(ran[0].finished_at) <= time_of(ran[1].finished_at)
    assert time_of(ran[1].finished_at) <= time_of(ran[2].started_at)


@pytest.mark.parametrize("task", [SeparateTask(), TranscribeTask()])
def test_only_what_leaves_cores_idle_runs_beside_others(
    laptop: Cluster, start: Start, task: SeparateTask | TranscribeTask
) -> None:
    jobs = [laptop.submit("listen 0.1", task, audio_seconds=SHORT) for _ in range(2)]
    start()
    for job_id in jobs:
        laptop.wait_for(job_id, "done")
    assert [line[4] for line in laptop.log] == ["False", "False"]


def test_jobs_of_different_models_run_one_after_the_other(laptop: Cluster, start: Start) -> None:
    jobs = [
        laptop.submit(what, MidiTask(model=model), audio_seconds=SHORT)
        for what, model in (("listen 0.5", "basic-pitch"), ("nothing", "other"))
    ]
    start()
    ran = [laptop.wait_for(job_id, "done") for job_id in jobs]
    assert [line[4] for line in laptop.log] == ["True", "True"]
    assert len(laptop.log) == 2
    assert time_of(ran[0].finished_at) <= time_of(ran[1].finished_at)


def test_what_waits_in_a_higher_lane_or_for_its_turn_goes_before_what_would_join() -> None:
    queue = EmbeddedQueue()
    both: tuple[TaskKind, ...] = ("separate", "midi")
    queue.put("job_1", "midi")
    queue.put("job_2", "separate")
    assert queue.take_beside("midi", both) is None
    assert queue.take_beside("midi", both[1:]) == "job_1"
    queue.put("job_3", "midi", "high")
    queue.put("job_4", "separate", "high")
    assert queue.take_beside("midi", both) is None
    queue.remove("job_4", "separate")
    assert queue.take_beside("midi", both) == "job_3"
    assert queue.take_beside("midi", both[1:]) is None


def test_a_cancel_leaves_the_other_runs_result_as_it_is(
    laptop: Cluster, start: Start, tmp_path: Path
) -> None:
    hold = laptop.settings.data_dir / "hold"
    hold.parent.mkdir(exist_ok=True)
    hold.touch()
    paths = [tmp_path / "1.wav", tmp_path / "2.wav"]
    for number, path in enumerate(paths, start=1):
        soundfile.write(path, tone(1.0 + number / 4, hertz=number * 220.0).T, 44100)
    start(open_held)
    jobs = [laptop.submit("song.wav", None, path, SHORT) for path in paths]
    samples = [laptop.job(job_id).sample_id for job_id in jobs]
    wait_until(lambda: all((hold.parent / f"held-{each}").exists() for each in samples))
    laptop.service.cancel(TENANT, jobs[0])
    third = laptop.submit("song.wav", MidiTask(formats=("csv",)), paths[0], SHORT)
    laptop.wait_for(third, "running")  # so the cancelled run has made room
    hold.unlink()
    done = laptop.wait_for(jobs[1], "done")
    laptop.wait_for(third, "done")
    assert laptop.job(jobs[0]).state == "cancelled"
    engines = Engines(open_store(laptop.settings), "auto")
    local = execute(
        MidiTask(), Source(paths[1], "notes"), FolderSink(tmp_path / "local"), silent, engines
    )
    assert [made.sha256 for made in done.artifacts] == [made.sha256 for made in local.artifacts]


def test_a_cancel_that_needs_force_costs_the_other_run_no_attempt(
    laptop: Cluster, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner_module, "SOFT_STOP_SECONDS", 0.1)
    start()
    deaf, other = short(laptop, "deaf 600"), short(laptop, "listen 1")
    wait_until(lambda: len(laptop.log) == 2)
    laptop.service.cancel(TENANT, deaf)
    job = laptop.wait_for(other, "done")
    assert laptop.job(deaf).state == "cancelled"
    assert outcomes(laptop, other) == ["done"]
    assert job.attempt == 1


def test_a_child_that_is_killed_costs_both_a_run_and_then_each_runs_alone(
    laptop: Cluster, start: Start
) -> None:
    start()
    jobs = [short(laptop, "listen 1") for _ in range(2)]
    wait_until(lambda: len(laptop.log) == 2)
    os.kill(int(laptop.log[0][1]), signal.SIGKILL)
    for job_id in jobs:
        laptop.wait_for(job_id, "done")
        assert outcomes(laptop, job_id) == ["crashed", "done"]
    assert [line[4] for line in laptop.log] == ["True", "True", "False", "False"]


def test_where_no_thread_can_be_had_jobs_run_in_turn(
    laptop: Cluster, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin = threading.Thread.start

    def refuse(thread: threading.Thread) -> None:
        if thread.name.startswith("run"):
            raise RuntimeError("can't start new thread")
        begin(thread)

    monkeypatch.setattr(threading.Thread, "start", refuse)
    start()
    for job_id in [short(laptop, "nothing") for _ in range(2)]:
        laptop.wait_for(job_id, "done")


def test_nobody_waits_for_a_run_whose_thread_has_ended(laptop: Cluster, start: Start) -> None:
    start()
    job = laptop.wait_for(short(laptop, "quit"), "failed")
    assert job.error
    assert job.error.code == "poisoned"
    assert [line[4] for line in laptop.log] == ["True", "False", "False"]


def test_a_job_that_takes_its_process_down_poisons_no_other(laptop: Cluster, start: Start) -> None:
    innocent, poison = short(laptop, "listen 1"), short(laptop, "crash 0.2")
    start()
    assert laptop.wait_for(poison, "failed").error
    assert laptop.wait_for(innocent, "done").attempt == 2


def test_all_that_find_a_full_device_are_tried_again(
    laptop: Cluster, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = start()
    laptop.wait_for(laptop.submit("fill"), "done")
    looked: list[Answer] = []
    is_full = runner_module._is_full

    def look(answer: Answer | None) -> bool:
        """Let the second look only when the process was started anew for the first."""
        if not isinstance(answer, Failed):
            return is_full(answer)
        looked.append(answer)
        if len(looked) == 1:
            wait_until(lambda: len(looked) == 2)
        else:
            wait_until(lambda: worker._runner._child.orders == 1)
        return is_full(answer)

    monkeypatch.setattr(runner_module, "_is_full", look)
    jobs = [short(laptop, "crowded") for _ in range(2)]
    assert [laptop.wait_for(each, "done", "failed").state for each in jobs] == ["done", "done"]


def test_who_leaves_hands_all_of_them_back(laptop: Cluster, start: Start) -> None:
    worker = start()
    jobs = [short(laptop, "listen 600") for _ in range(2)]
    wait_until(lambda: len(laptop.log) == 2)
    worker.stop()
    assert [(laptop.job(each).state, laptop.job(each).attempt) for each in jobs] == [
        ("queued", 0),
        ("queued", 0),
    ]


def test_a_worker_of_redis_takes_what_may_join(servers: Cluster) -> None:
    assert servers.settings.redis_url
    url = servers.settings.redis_url.get_secret_value()
    child = Child(servers.settings, open_scripted)
    runner = Runner(servers.runs, child, "tester", timeout_seconds=60, idle_release_seconds=60)
    worker = RqWorker(url, runner, ("midi", "separate"), "tester", grace_seconds=0.0, together=2)
    thread = threading.Thread(target=worker.work, kwargs={"max_jobs": 4})
    jobs = [short(servers, "listen 600") for _ in range(3)]
    thread.start()
    wait_until(lambda: len(servers.log) == 2)
    last = servers.submit("nothing", SeparateTask())
    servers.service.cancel(TENANT, jobs[0])
    runner.stop(jobs[0])
    wait_until(lambda: len(runner._under_way) == 1)
    assert worker._lanes.take_beside("midi") is None
    assert servers.job(jobs[2]).state == "queued"
    servers.service.cancel(TENANT, jobs[1])
    runner.stop(jobs[1])
    assert servers.wait_for(last, "done")
    servers.wait_for(jobs[2], "running")
    servers.service.cancel(TENANT, jobs[2])
    runner.stop(jobs[2])
    thread.join()
    runner.close()
    assert [line[4] for line in servers.log] == ["True", "True", "False", "True"]
