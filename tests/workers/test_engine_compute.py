"""Real models (the micro ones) in a real child: what is computed, told and stored."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import soundfile
from pydantic import SecretStr

from neuralib.engines.pool import Engines
from neuralib.execute import Source, execute
from neuralib.execute.sink import FolderSink
from neuralib.models.open import open_store
from neuralib.progress import silent
from neuralib.storage.keys import artifact_key, sample_prefix
from neuralib.tasks import MidiTask, SeparateTask, TranscribeTask
from neuralib.workers import runner as runner_module
from neuralib.workers.child import Child
from neuralib.workers.compute import OpenCompute
from neuralib.workers.runner import Runner
from tests.audio_files import tone
from tests.conftest import HTDEMUCS, MICRO, WHISPER
from tests.servers.redis import free_port
from tests.workers.cluster import TENANT, Cluster, wait_until
from tests.workers.engine_openers import open_cramped, open_observed

VOCALS = MICRO / "vocals.flac"
SEPARATE = SeparateTask(model=str(HTDEMUCS))
TASKS = {
    "separate": SEPARATE,
    "midi": MidiTask(formats=("mid", "csv")),
    "transcribe": TranscribeTask(model=str(WHISPER), formats=("txt", "srt")),
}
NAMES = {"separate": "stems", "midi": "notes", "transcribe": "transcript"}

Open = Callable[[OpenCompute], Runner]


@pytest.fixture
def open_runner(laptop: Cluster) -> Iterator[Open]:
    opened: list[Runner] = []

    def open_runner(open_compute: OpenCompute = open_observed) -> Runner:
        child = Child(laptop.settings, open_compute)
        opened.append(
            Runner(laptop.runs, child, "tester", timeout_seconds=600, idle_release_seconds=600)
        )
        return opened[-1]

    yield open_runner
    for runner in opened:
        runner.close()


@pytest.fixture
def song(tmp_path: Path) -> Path:
    """One second of a tone: small as a file, not small as stems."""
    path = tmp_path / "a song.flac"
    soundfile.write(path, tone(1.0).T, 44100)
    return path


def test_a_run_on_the_cluster_stores_what_a_local_one_writes(
    laptop: Cluster, open_runner: Open, song: Path, tmp_path: Path
) -> None:
    runner = open_runner(open_observed)
    engines = Engines(open_store(laptop.settings), "auto")
    for kind, task in TASKS.items():
        path = VOCALS if kind == "transcribe" else song
        job_id = laptop.submit("Some Song.flac", task, path)
        runner.run(job_id)
        job = laptop.job(job_id)
        assert job.error is None
        sink = FolderSink(tmp_path / kind)
        local = execute(task, Source(path, NAMES[kind]), sink, silent, engines)
        assert [(made.name, made.kind, made.bytes, made.sha256) for made in job.artifacts] == [
            (made.name, made.kind, made.bytes, made.sha256) for made in local.artifacts
        ]
        for made in job.artifacts:
            key = artifact_key(TENANT, job.sample_id, made.sha256)
            data = b"".join(laptop.parts.storage.read(key))
            assert hashlib.sha256(data).hexdigest() == made.sha256
        assert job.result
        assert job.result.audio_seconds == local.audio_seconds
        assert (job.result.device, job.result.precision) == (local.device, local.precision)


def test_a_model_is_loaded_once_and_a_second_run_begins_sooner(
    laptop: Cluster, open_runner: Open, song: Path
) -> None:
    runner = open_runner(open_observed)
    for overlap in (0.25, 0.4, 0.5, 0.6):
        runner.run(laptop.submit("song", SEPARATE.model_copy(update={"overlap": overlap}), song))
    loads = [line for line in laptop.log if line[0] == "load"]
    first, *others = (float(line[2]) for line in laptop.log if line[0] == "run")
    assert len(loads) == 1
    assert min(others) < first / 2


def test_a_recording_is_measured_once_for_all_its_jobs(
    laptop: Cluster, open_runner: Open, song: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other.flac"
    soundfile.write(other, tone(0.5).T, 44100)
    runner = open_runner(open_observed)
    for overlap, path in ((0.25, song), (0.4, song), (0.25, other), (0.5, song)):
        job_id = laptop.submit("song", SEPARATE.model_copy(update={"overlap": overlap}), path)
        runner.run(job_id)
        assert laptop.job(job_id).state == "done"
    assert [line[0] for line in laptop.log] == [
        *("load", "measure", "run"),
        "run",
        *("measure", "run"),
        "run",
    ]


def test_a_model_that_is_stopped_in_the_middle_stays_loaded(
    laptop: Cluster, open_runner: Open, song: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner_module, "SOFT_STOP_SECONDS", 600.0)  # this machine may be busy
    path = tmp_path / "long.flac"
    soundfile.write(path, tone(120.0, channels=1).T, 44100)
    runner = open_runner(open_observed)
    job_id = laptop.submit("long", SEPARATE, path)

    def cancel() -> None:
        wait_until(lambda: any(line[0] == "run" for line in laptop.log))
        laptop.service.cancel(TENANT, job_id)
        runner.stop(job_id)

    threading.Thread(target=cancel).start()
    runner.run(job_id)
    assert laptop.job(job_id).state == "cancelled"
    after = laptop.submit("song", SEPARATE, song)
    runner.run(after)
    assert laptop.job(after).state == "done"
    assert [line[0] for line in laptop.log] == ["load", *("measure", "run") * 2]


def test_what_the_model_cannot_do_is_told_before_computing(
    laptop: Cluster, open_runner: Open, song: Path
) -> None:
    job_id = laptop.submit("song", SEPARATE.model_copy(update={"stems": ("kazoo",)}), song)
    open_runner(open_observed).run(job_id)
    error = laptop.job(job_id).error
    assert error
    assert error.code == "usage"
    assert "kazoo" in error.message
    assert not any(line[0] == "run" for line in laptop.log)


def test_a_missing_model_and_bad_audio_are_told_as_what_they_are(
    laptop: Cluster, open_runner: Open, tmp_path: Path
) -> None:
    runner = open_runner(open_observed)
    missing = laptop.submit("song", SeparateTask(model="htdemucs"), VOCALS)
    runner.run(missing)
    error = laptop.job(missing).error
    assert error
    assert error.code == "model_missing"
    bad = tmp_path / "bad.wav"
    bad.write_bytes(b"no audio at all")
    job_id = laptop.submit("Bad Song.wav", MidiTask(), bad)
    runner.run(job_id)
    error = laptop.job(job_id).error
    assert error
    assert error.code in ("decode", "no_audio")
    assert "Bad Song.wav" in error.message
    assert str(tmp_path) not in error.message
    assert "neuralib-worker" not in error.message


def test_a_full_disk_is_told_as_what_it_is_and_leaves_nothing(
    laptop: Cluster, open_runner: Open, song: Path, tmp_path: Path
) -> None:
    runner = open_runner(open_cramped)
    job_id = laptop.submit("song", SEPARATE, song)
    runner.run(job_id)
    job = laptop.job(job_id)
    assert job.error
    assert job.error.code == "output"
    assert "on worker" in job.error.message
    assert "-o" not in job.error.message
    assert job.artifacts == ()
    short = tmp_path / "short.flac"
    soundfile.write(short, tone(0.1).T, 44100)
    after = laptop.submit("short", SEPARATE, short)
    runner.run(after)
    assert laptop.job(after).error is None


def test_a_sample_that_is_gone_is_told(laptop: Cluster, open_runner: Open, song: Path) -> None:
    job_id = laptop.submit("song", MidiTask(), song)
    laptop.parts.storage.remove(sample_prefix(TENANT, laptop.job(job_id).sample_id))
    open_runner(open_observed).run(job_id)
    error = laptop.job(job_id).error
    assert error
    assert error.code == "not_found"
    assert "upload it again" in error.message


def test_a_storage_that_is_away_is_told(laptop: Cluster, song: Path) -> None:
    url = f"s3://key:secret@127.0.0.1:{free_port()}/bucket?secure=false"
    settings = laptop.settings.model_copy(update={"storage_url": SecretStr(url)})
    child = Child(settings, open_observed)
    runner = Runner(laptop.runs, child, "tester", timeout_seconds=600, idle_release_seconds=600)
    job_id = laptop.submit("song", MidiTask(), song)
    runner.run(job_id)
    error = laptop.job(job_id).error
    assert error
    assert error.code == "storage_unreachable"
    assert "secret" not in error.message
    runner.close()
