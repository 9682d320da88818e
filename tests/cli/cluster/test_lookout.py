"""Who waits for a job that nobody runs is told why."""

from __future__ import annotations

import threading
from contextlib import closing
from pathlib import Path

import pytest

from neuralib.cli.batch.inputs import find_inputs
from neuralib.cli.batch.naming import Naming
from neuralib.cli.cluster import lookout as lookout_module
from neuralib.cli.cluster.direct import Direct
from neuralib.cli.cluster.flight import Plan
from neuralib.cli.cluster.follow import follow
from neuralib.cli.cluster.lookout import Lookout
from neuralib.cli.cluster.submit import submit_batch
from neuralib.client import Client
from neuralib.queue.base import WorkerInfo
from neuralib.queue.embedded import EmbeddedQueue
from neuralib.service.announce import event_of
from neuralib.settings import Settings
from neuralib.tasks import MidiTask, build_task
from tests.audio_files import tone, write_wav
from tests.servers.gateway import Gateway


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lookout_module, "_PATIENCE_SECONDS", 0.0)
    monkeypatch.setattr(lookout_module, "_LOOK_SECONDS", 0.01)


@pytest.fixture
def hints(monkeypatch: pytest.MonkeyPatch, idle_gateway: Gateway) -> list[str]:
    """What is told; at the first hint all jobs of the gateway end, so that nobody waits longer."""
    told: list[str] = []

    def end() -> None:
        with Client(idle_gateway.url) as client:
            for job in client.jobs(state="queued").items:
                client.cancel(job.id)

    def note(message: str) -> None:
        told.append(message)
        threading.Thread(target=end).start()

    monkeypatch.setattr(lookout_module, "note", note)
    return told


@pytest.fixture
def song(tmp_path: Path) -> Path:
    return write_wav(tmp_path / "song.wav", tone(0.4))


def test_who_submits_is_told_once(
    idle_gateway: Gateway, hints: list[str], song: Path, tmp_path: Path
) -> None:
    other = write_wav(tmp_path / "other.wav", tone(0.5))
    inputs = find_inputs([str(song), str(other)])
    naming = Naming(MidiTask(), inputs, tmp_path, None)
    plan = Plan(MidiTask(), str(tmp_path), naming, False, False, False)
    settings = Settings(server=idle_gateway.url)
    assert submit_batch(plan, inputs, settings, json=False, quiet=False) == 1
    assert len(hints) == 1
    assert "no worker takes midi jobs" in hints[0]
    assert "`neuralib worker --queues midi`" in hints[0]


def test_who_follows_a_job_is_told(idle_gateway: Gateway, hints: list[str], song: Path) -> None:
    with Client(idle_gateway.url) as client:
        sample = client.add_sample(song, song.name)
        job = client.submit(MidiTask(), sample.id)
        assert follow(client, job.id, json=False, quiet=False) == 1
    assert len(hints) == 1


def test_a_task_that_somebody_takes_is_waited_for(
    tmp_path: Path, song: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    monkeypatch.setattr(lookout_module, "note", told.append)
    settings = Settings(data_dir=tmp_path / "data")
    with closing(Direct(settings)) as cluster:
        sample = cluster.add_sample(song, song.name)
        lookout = Lookout(cluster)
        for kind in ("midi", "transcribe"):
            job = cluster.submit(build_task({"kind": kind}), sample.id)
            lookout.event(event_of(job))
        queue = cluster._parts.queue
        assert isinstance(queue, EmbeddedQueue)
        queue.tell(WorkerInfo("w", ("separate", "midi"), "busy", "job_1"))
        assert cluster.workers() == {"separate": 1, "midi": 1, "transcribe": 0}
        for _ in range(2):
            lookout.look()
        assert len(told) == 1
        assert "takes transcribe jobs" in told[0]
        queue.forget("w")
        lookout.event(event_of(cluster.jobs(task="midi").items[0]).model_copy(update=RUNNING))
        lookout.look()
        assert len(told) == 1


RUNNING = {"state": "running"}
