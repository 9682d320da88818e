"""A whole cluster: two gateways, two workers, Redis, PostgreSQL and S3, each its own process."""

from __future__ import annotations

import hashlib
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import redis

from neuralib.client.client import Client
from neuralib.events.event import Event
from neuralib.jobs.job import Job
from neuralib.queue.rq import RqQueue
from neuralib.tasks import MidiTask, SeparateTask, TranscribeTask
from tests.conftest import NEURALIB, ROOT, Command
from tests.micro.song import write_demo_song
from tests.servers.gateway import Gateway, user_environment

TASKS = [
    SeparateTask(model="htdemucs-micro"),
    MidiTask(),
    TranscribeTask(model="whisper-micro", formats=("srt", "json")),
]


@dataclass
class Cluster:
    """What runs, and how a user of it is set up."""

    folder: Path
    environment: dict[str, str]
    settings: dict[str, str]
    """Where its services are."""
    gateways: list[Gateway] = field(default_factory=list)
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start_worker(self) -> None:
        with (self.folder / "workers.log").open("ab") as log:
            self.workers.append(
                subprocess.Popen(
                    [*NEURALIB, "worker", "--grace", "5"],
                    stderr=log,
                    cwd=self.folder,
                    env=self.environment | {"PYTHONPATH": str(ROOT)},
                )
            )

    def client(self, number: int) -> Client:
        return Client(self.gateways[number].url)

    def stop(self) -> None:
        statuses = [gateway.stop() for gateway in self.gateways]
        for worker in self.workers:
            worker.terminate()
        statuses += [worker.wait() for worker in self.workers]
        assert set(statuses) == {0}, (self.folder / "workers.log").read_text()


@pytest.fixture(scope="module")
def cluster(
    tmp_path_factory: pytest.TempPathFactory,
    micro_models: Path,
    redis_url: str,
    postgres_url: str,
    storage_url: str,
) -> Iterator[Cluster]:
    folder = tmp_path_factory.mktemp("cluster")
    settings = {
        "NEURALIB_REDIS_URL": redis_url,
        "NEURALIB_DATABASE_URL": postgres_url,
        "NEURALIB_STORAGE_URL": storage_url,
    }
    started = Cluster(folder, user_environment(folder, micro_models) | settings, settings)
    started.gateways = [Gateway(folder, started.environment) for _ in range(2)]
    for _ in range(2):
        started.start_worker()
    yield started
    started.stop()


@pytest.fixture(scope="module")
def song(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("songs") / "song.wav"
    write_demo_song(path)
    return path


def long_task(seed: int) -> SeparateTask:
    """Runs for many seconds, and like no other, so that its result is not remembered."""
    return SeparateTask(model="htdemucs-micro", stems=("vocals",), shifts=2, seed=seed)


def until_it_computes(events: Iterator[Event]) -> None:
    assert any(event.state == "running" and event.progress > 0 for event in events)


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.kind)
def test_what_one_gateway_takes_the_other_tells_and_gives(
    task: SeparateTask | MidiTask | TranscribeTask, cluster: Cluster, song: Path, tmp_path: Path
) -> None:
    with cluster.client(0) as here, cluster.client(1) as there:
        sample = here.add_sample(song, "song.wav")
        submitted = here.submit(task, sample.id)
        events = list(there.watch(submitted.id))
        job = there.job(submitted.id)

        assert events[-1].state == job.state == "done"
        assert job.attempt == 1
        assert [event.progress for event in events] == sorted(event.progress for event in events)
        for artifact in job.artifacts:
            there.fetch_artifact(job, artifact, tmp_path / artifact.name)
            data = (tmp_path / artifact.name).read_bytes()
            assert hashlib.sha256(data).hexdigest() == artifact.sha256
            assert len(data) == artifact.bytes


@pytest.mark.parametrize("way", ["gateway", "direct"])
@pytest.mark.parametrize("task", ["separate", "midi", "transcribe"])
def test_a_submitted_run_writes_what_a_local_one_does(
    way: str, task: str, cluster: Cluster, song: Path, tmp_path: Path, neuralib: Command
) -> None:
    model = {"separate": ["-m", "htdemucs-micro"], "transcribe": ["-m", "whisper-micro"]}
    words = [task, song, "--json", *model.get(task, [])]
    where = {"NEURALIB_SERVER": cluster.gateways[1].url} if way == "gateway" else cluster.settings
    submitted = neuralib(*words, "--submit", "-o", tmp_path / "submitted", **where)
    local = neuralib(*words, "-o", tmp_path / "local")

    assert (submitted.status, local.status) == (0, 0), submitted.stderr + local.stderr
    (theirs,), (ours,) = submitted.records, local.records
    for record in (theirs, ours):
        record.pop("seconds")
        for output in record["outputs"]:
            output["path"] = str(Path(output["path"]).relative_to(tmp_path)).partition("/")[2]
    assert theirs == ours
    for output in ours["outputs"]:
        there, here = (tmp_path / side / output["path"] for side in ("submitted", "local"))
        assert there.read_bytes() == here.read_bytes()


def test_what_a_killed_worker_ran_is_run_again_and_ends_once(cluster: Cluster, song: Path) -> None:
    with cluster.client(0) as client:
        job = client.submit(long_task(1), client.add_sample(song, "song.wav").id)
        events = client.watch(job.id)
        until_it_computes(events)
        running = worker_of(cluster, job)
        running.kill()
        running.wait()
        cluster.workers.remove(running)
        rest = list(events)
        job = client.job(job.id)

    assert job.state == "done"
    assert job.attempt == 2
    assert [event.state for event in rest if event.final] == ["done"]
    assert "queued" in {event.state for event in rest}
    cluster.start_worker()


def worker_of(cluster: Cluster, job: Job) -> subprocess.Popen[bytes]:
    """Find the process that runs a job by what it told RQ of itself."""
    url = cluster.settings["NEURALIB_REDIS_URL"]
    (name,) = (info.name for info in RqQueue(url).workers() if info.job_id == job.id)
    with redis.Redis.from_url(url) as connection:
        pid = int(connection.hget(f"rq:worker:{name}", "pid"))  # type: ignore[arg-type]
    (worker,) = (worker for worker in cluster.workers if worker.pid == pid)
    return worker


def test_a_client_of_a_killed_gateway_misses_no_end(cluster: Cluster, song: Path) -> None:
    gateway = cluster.gateways[0]
    with cluster.client(0) as client:
        job = client.submit(long_task(2), client.add_sample(song, "song.wav").id)
        seen: list[Event] = []
        events = client.watch(job.id)
        until_it_computes(events)
        watching = threading.Thread(target=lambda: seen.extend(events))
        watching.start()
        gateway.process.kill()
        gateway.process.wait()
        gateway.process.stdout.close()  # type: ignore[union-attr]
        cluster.gateways[0] = Gateway(cluster.folder, cluster.environment, "--port", gateway.port)
        watching.join()

    assert [event.state for event in seen if event.final] == ["done"]
    assert seen[-1].attempt == 1
