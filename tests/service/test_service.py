from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from pydantic import SecretStr

from neuralib.errors import Conflict, DecodeError, NotFound, StorageUnreachable
from neuralib.events.event import Event
from neuralib.jobs.job import Job, JobArtifact
from neuralib.service.parts import Parts, opened_parts
from neuralib.service.reconcile import Reconciler
from neuralib.service.runs import Runs
from neuralib.service.service import Service
from neuralib.settings import Settings
from neuralib.storage.keys import artifact_key, sample_prefix
from neuralib.tasks import MidiTask
from tests.server.gateway import song
from tests.servers.redis import RedisServer
from tests.service.recordings import RESULT, add_song, new_tenant, submitted


def events_of(parts: Parts, tenant: str, act: Callable[[], object]) -> list[Event]:
    """What listeners are told while `act` runs."""
    before = parts.events.last_id(tenant)
    act()
    return [entry.event for entry in parts.events.since(tenant, before) or []]


def test_the_same_bytes_at_once_are_kept_once(
    service: Service, parts: Parts, tmp_path: Path
) -> None:
    tenant = new_tenant()
    path = tmp_path / "song"
    path.write_bytes(song())
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    with ThreadPoolExecutor(8) as pool:
        added = list(
            pool.map(lambda n: service.add_sample(tenant, path, f"{n}.wav", sha256), range(8))
        )
    assert len({sample.id for sample, _ in added}) == 1
    assert [is_new for _, is_new in added].count(True) == 1
    kept = service.audio(tenant, added[0][0].id)
    assert b"".join(parts.storage.read(kept.key)) == path.read_bytes()


def test_who_comes_second_with_the_same_bytes_leaves_none(
    service: Service, parts: Parts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant = new_tenant()
    first = add_song(service, tmp_path, tenant)
    monkeypatch.setattr(parts.samples, "find", lambda *_: None)  # as it was a moment ago
    again, is_new = service.add_sample(tenant, tmp_path / "song", "b.wav", first.sha256)
    assert (again, is_new) == (first, False)
    stored = [path for path in (tmp_path / "data/storage" / tenant).rglob("*") if path.is_file()]
    assert len(stored) == 1


def test_a_file_that_is_no_audio_is_told_by_its_name(service: Service, tmp_path: Path) -> None:
    path = tmp_path / "spool"
    path.write_bytes(b"RIFF\0\0\0\0nothing")
    tenant = new_tenant()
    with pytest.raises(DecodeError, match="'my song\\.wav'") as caught:
        service.add_sample(tenant, path, "../my song.wav", "0" * 64)
    assert str(tmp_path) not in caught.value.message
    assert service.samples(tenant).items == ()


def test_a_sample_whose_bytes_cannot_be_stored_is_not_there(
    service: Service, parts: Parts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreachable(*_: object) -> None:
        raise StorageUnreachable("away")

    tenant = new_tenant()
    with monkeypatch.context() as patch:
        patch.setattr(parts.storage, "put", unreachable)
        with pytest.raises(StorageUnreachable):
            add_song(service, tmp_path, tenant)
    assert service.samples(tenant).items == ()


def test_listeners_hear_of_every_state(service: Service, parts: Parts, tmp_path: Path) -> None:
    tenant = new_tenant()
    job = None

    def live() -> None:
        nonlocal job
        job = submitted(service, tmp_path, tenant)
        service.cancel(tenant, job.id)
        service.cancel(tenant, job.id)
        service.retry(tenant, job.id)
        claim = Runs(parts).claim(job.id, "w1")
        assert claim is not None
        Runs(parts).finish(job.id, claim.lease, RESULT, [])

    told = events_of(parts, tenant, live)
    assert [event.state for event in told] == ["queued", "cancelled", "queued", "running", "done"]
    assert {event.job_id for event in told} == {job and job.id}
    assert [event.attempt for event in told] == [0, 0, 0, 1, 1]


def test_a_remembered_result_is_told_and_not_queued(
    service: Service, parts: Parts, tmp_path: Path
) -> None:
    tenant = new_tenant()
    first = submitted(service, tmp_path, tenant)
    claim = Runs(parts).claim(first.id, "w1")
    assert claim is not None
    Runs(parts).finish(first.id, claim.lease, RESULT, [])
    told = events_of(parts, tenant, lambda: service.submit(tenant, MidiTask(), first.sample_id))
    assert [(event.state, event.progress) for event in told] == [("done", 1.0)]
    again, _ = service.submit(tenant, MidiTask(), first.sample_id)
    assert parts.queue.missing([(again.id, "midi")]) == {again.id}
    forced, _ = service.submit(tenant, MidiTask(), first.sample_id, force=True)
    assert (forced.state, parts.queue.missing([(forced.id, "midi")])) == ("queued", set())


def finished(parts: Parts, job: Job, data: bytes, folder: Path) -> str:
    """Run a job that gives `data`; tell the key of it."""
    claim = Runs(parts).claim(job.id, "w1")
    assert claim is not None
    sha256 = hashlib.sha256(data).hexdigest()
    artifact = JobArtifact(name="notes.mid", kind="notes", bytes=len(data), sha256=sha256)
    (folder / "notes").write_bytes(data)
    key = artifact_key(job.tenant, job.sample_id, sha256)
    parts.storage.put(key, folder / "notes")
    assert Runs(parts).finish(job.id, claim.lease, RESULT, [artifact])
    return key


def test_a_result_that_the_storage_has_lost_is_made_again(
    service: Service, parts: Parts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant = new_tenant()
    first = submitted(service, tmp_path, tenant)
    key = finished(parts, first, b"notes", tmp_path)
    assert service.submit(tenant, MidiTask(), first.sample_id)[0].state == "done"
    parts.storage.remove(key)
    again, _ = service.submit(tenant, MidiTask(), first.sample_id)
    assert again.state == "queued"
    finished(parts, again, b"notes", tmp_path)
    third, _ = service.submit(tenant, MidiTask(), first.sample_id)
    assert third.state == "done"
    file = service.artifact(tenant, first.id, "notes.mid")  # whole again, as all of its kind
    assert b"".join(parts.storage.read(file.key)) == b"notes"

    def away(*_: object) -> None:
        raise StorageUnreachable("away")

    monkeypatch.setattr(parts.storage, "size", away)
    assert service.submit(tenant, MidiTask(), first.sample_id)[0].state == "done"


def test_a_recording_that_the_storage_has_lost_can_be_uploaded_again(
    service: Service, parts: Parts, tmp_path: Path
) -> None:
    tenant = new_tenant()
    sample = add_song(service, tmp_path, tenant)
    key = service.audio(tenant, sample.id).key
    parts.storage.remove(key)
    assert service.add_sample(tenant, tmp_path / "song", "b", sample.sha256) == (sample, False)
    assert parts.storage.size(key) == sample.bytes


def test_a_result_is_forgotten_with_its_sample(
    service: Service, parts: Parts, tmp_path: Path
) -> None:
    tenant = new_tenant()
    first = submitted(service, tmp_path, tenant)
    finished(parts, first, b"notes", tmp_path)
    sample = service.remove_sample(tenant, first.sample_id)
    anew, is_new = service.add_sample(tenant, tmp_path / "song", "song.wav", sample.sha256)
    assert (is_new, anew.id != sample.id) == (True, True)
    assert service.submit(tenant, MidiTask(), anew.id)[0].state == "queued"


def test_a_repeated_request_is_told_and_queued_once(
    service: Service, parts: Parts, tmp_path: Path
) -> None:
    tenant = new_tenant()
    sample = add_song(service, tmp_path, tenant)

    def submit() -> object:
        return service.submit(tenant, MidiTask(), sample.id, idempotency_key="k")

    told = events_of(parts, tenant, lambda: [submit() for _ in range(3)])
    assert [event.state for event in told] == ["queued"]
    with pytest.raises(Conflict, match="another request"):
        service.submit(tenant, MidiTask(), sample.id, idempotency_key="k", lane="high")


def test_a_removed_sample_takes_its_results_along(
    service: Service, parts: Parts, tmp_path: Path
) -> None:
    tenant = new_tenant()
    job = submitted(service, tmp_path, tenant)
    key = service.audio(tenant, job.sample_id).key
    with pytest.raises(Conflict, match="in use"):
        service.remove_sample(tenant, job.sample_id)
    service.cancel(tenant, job.id)
    service.remove_sample(tenant, job.sample_id)
    assert key.startswith(sample_prefix(tenant, job.sample_id))
    with pytest.raises(NotFound):
        parts.storage.size(key)
    with pytest.raises(NotFound):
        service.submit(tenant, MidiTask(), job.sample_id)
    with pytest.raises(NotFound):
        service.job(tenant, job.id)


def test_another_process_may_remove_a_sample(
    service: Service, parts: Parts, tmp_path: Path
) -> None:
    tenant = new_tenant()
    job = submitted(service, tmp_path, tenant)
    service.cancel(tenant, job.id)
    Service(parts).remove_sample(tenant, job.sample_id)
    with pytest.raises(NotFound):
        service.submit(tenant, MidiTask(tempo_bpm=90), job.sample_id)


def test_watching_tells_each_change_up_to_the_end(
    service: Service, parts: Parts, tmp_path: Path
) -> None:
    tenant = new_tenant()
    job = submitted(service, tmp_path, tenant)
    runs = Runs(parts)
    watching = service.watch(tenant, job.id)
    assert next(watching).state == "queued"
    claim = runs.claim(job.id, "w1")
    assert claim is not None
    assert next(watching).state == "running"
    runs.progress(claim, 0.5, 3.0)
    seen = next(watching)
    assert (seen.progress, seen.eta_seconds) == (0.5, 3.0)
    runs.finish(job.id, claim.lease, RESULT, [])
    assert [event.state for event in watching] == ["done"]
    assert [event.state for event in service.watch(tenant, job.id)] == ["done"]
    with pytest.raises(NotFound):
        next(service.watch(new_tenant(), job.id))


def test_an_outage_of_the_broker_is_no_error(tmp_path: Path, redis_server: RedisServer) -> None:
    tenant = new_tenant()
    settings = Settings(data_dir=tmp_path / "data", redis_url=SecretStr(redis_server.url))
    with opened_parts(settings) as parts:
        service = Service(parts)
        waiting = submitted(service, tmp_path, tenant)
        redis_server.stop()
        lost = submitted(service, tmp_path, tenant)
        assert service.cancel(tenant, waiting.id).state == "cancelled"
        assert service.retry(tenant, waiting.id).state == "queued"
        redis_server.start()
        assert parts.queue.missing([(lost.id, "midi")]) == {lost.id}
        assert Runs(parts).claim(lost.id, "w1") is not None


def test_an_emptied_queue_loses_nothing(
    service: Service,
    parts: Parts,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr("neuralib.service.reconcile._SETTLED_SECONDS", 0.0)
    tenant = new_tenant()
    jobs = [submitted(service, tmp_path, tenant) for _ in range(3)]
    high, _ = service.submit(tenant, MidiTask(tempo_bpm=66), jobs[0].sample_id, lane="high")
    jobs.append(high)
    ids = [(job.id, job.task.kind) for job in jobs]
    for job in jobs[1:]:
        parts.queue.remove(job.id, "midi")
    assert parts.queue.missing(ids) == {job.id for job in jobs[1:]}
    before = {(each.kind, each.lane): each.waiting for each in parts.queue.depths()}
    with caplog.at_level(logging.WARNING):
        Reconciler(parts).sweep()
        parts.queue.remove(high.id, "midi")
        Reconciler(parts).sweep()
    assert "put 3 jobs that" in caplog.text
    assert "put 1 job that" in caplog.text
    assert parts.queue.missing(ids) == set()
    after = {(each.kind, each.lane): each.waiting for each in parts.queue.depths()}
    assert after["midi", "high"] == before["midi", "high"] + 1
    assert Reconciler(parts).sweep() == 0


def test_what_was_lost_before_the_start_is_found_at_once(
    service: Service, parts: Parts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("neuralib.service.reconcile._SETTLED_SECONDS", 0.0)
    job = submitted(service, tmp_path, new_tenant())
    parts.queue.remove(job.id, "midi")
    end = time.monotonic() + 30
    with Reconciler(parts).running(every_seconds=600):
        while parts.queue.missing([(job.id, "midi")]):
            assert time.monotonic() < end
            time.sleep(0.01)


def test_a_job_on_its_way_into_the_queue_is_let_be(
    service: Service, parts: Parts, tmp_path: Path
) -> None:
    job = submitted(service, tmp_path, new_tenant())
    parts.queue.remove(job.id, "midi")
    Reconciler(parts).sweep()
    assert parts.queue.missing([(job.id, "midi")]) == {job.id}


def test_a_run_whose_worker_died_is_run_again(
    service: Service, parts: Parts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant = new_tenant()
    job = submitted(service, tmp_path, tenant)
    claim = Runs(parts).claim(job.id, "w1")
    assert claim is not None
    parts.queue.remove(job.id, "midi")
    Reconciler(parts).sweep()
    assert service.job(tenant, job.id).state == "running"
    expire(parts, job.id)
    told = events_of(parts, tenant, Reconciler(parts).sweep)
    assert [(event.state, event.attempt) for event in told] == [("queued", 1)]
    assert parts.queue.missing([(job.id, "midi")]) == set()
    assert Runs(parts).finish(job.id, claim.lease, RESULT, []) is None
    assert Runs(parts).beat(job.id, claim.lease, 0.5) is False
    again = Runs(parts).claim(job.id, "w2")
    assert again is not None
    assert again.job.attempt == 2


def expire(parts: Parts, job_id: str) -> None:
    from sqlalchemy import update

    from neuralib.jobs.tables import jobs
    from neuralib.jobs.times import DatabaseTime

    with parts.database.begin() as connection:
        old = update(jobs).where(jobs.c.id == job_id).values(lease_expires_at=DatabaseTime(-1.0))
        connection.execute(old)


def test_a_run_that_ends_badly_is_told_and_queued_as_it_should(
    service: Service, parts: Parts, tmp_path: Path
) -> None:
    tenant = new_tenant()
    job = submitted(service, tmp_path, tenant)
    runs = Runs(parts)

    def begin() -> str:
        parts.queue.remove(job.id, "midi")  # as a worker takes it
        claim = runs.claim(job.id, "w1")
        assert claim is not None
        return claim.lease

    def live() -> None:
        assert runs.hand_back(job.id, begin())
        assert parts.queue.missing([(job.id, "midi")]) == set()
        for _ in range(2):
            assert runs.crash(job.id, begin(), "killed by signal 9")
            assert parts.queue.missing([(job.id, "midi")]) == set()
        runs.crash(job.id, begin(), "killed by signal 9")
        assert parts.queue.missing([(job.id, "midi")]) == {job.id}

    told = events_of(parts, tenant, live)
    assert [event.state for event in told] == ["running", "queued"] * 3 + ["running", "failed"]
    assert told[-1].error is not None
    assert told[-1].error.code == "poisoned"
    failed = service.job(tenant, job.id)
    assert (failed.state, failed.error and failed.error.code) == ("failed", "poisoned")
