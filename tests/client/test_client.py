"""The client, against a real gateway, over wires that break."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from neuralib.client import Client
from neuralib.client.watch import watch_all
from neuralib.errors import Conflict, InputError, NotFound, ServerUnreachable, UnknownModel
from neuralib.jobs.job import Job
from neuralib.tasks import MidiTask, SeparateTask
from tests.audio_files import noise, tone, write_wav
from tests.client.cutter import cutting
from tests.servers.gateway import Gateway

SEPARATE = SeparateTask(model="htdemucs-micro", stems=("drums",))


@pytest.fixture
def client(gateway: Gateway) -> Iterator[Client]:
    with Client(gateway.url) as client:
        yield client


@pytest.fixture
def song(tmp_path: Path) -> Path:
    return write_wav(tmp_path / "song.wav", tone(1.0))


def finish(client: Client, job: Job) -> Job:
    for _ in client.watch(job.id):
        pass
    return client.job(job.id)


@pytest.fixture
def done(client: Client, song: Path) -> Job:
    """A job with a result of 176 kB."""
    sample = client.add_sample(song, "song.wav")
    return finish(client, client.submit(SEPARATE, sample.id))


def test_the_same_bytes_are_one_sample(client: Client, song: Path) -> None:
    told: list[int] = []
    first = client.add_sample(song, "first.wav", told.append)
    assert told[-1] == song.stat().st_size
    assert first.sha256 == hashlib.sha256(song.read_bytes()).hexdigest()
    assert client.add_sample(song, "second.wav") == first
    assert client.sample(first.id) == first
    assert first in client.samples(query="first", limit=100).items


def test_a_sample_comes_back_unchanged(client: Client, song: Path, tmp_path: Path) -> None:
    sample = client.add_sample(song, "song.wav")
    client.fetch_audio(sample, tmp_path / "back.wav")
    assert (tmp_path / "back.wav").read_bytes() == song.read_bytes()


def test_watching_a_job_ends_with_its_end(client: Client, tmp_path: Path) -> None:
    song = write_wav(tmp_path / "other.wav", noise(44100 * 2))
    job = client.submit(SEPARATE, client.add_sample(song, "other.wav").id)
    events = list(client.watch(job.id))
    assert [event.final for event in events] == [False] * (len(events) - 1) + [True]
    assert {event.job_id for event in events} == {job.id}
    assert events[-1].state == "done"
    assert [event.state for event in client.watch(job.id)] == ["done"]
    assert job.id in [each.id for each in client.jobs(state="done", task="separate").items]


def test_a_result_is_remembered_unless_forced(client: Client, done: Job) -> None:
    again = client.submit(SEPARATE, done.sample_id)
    assert again.id != done.id
    assert (again.state, again.artifacts) == ("done", done.artifacts)
    forced = client.submit(SEPARATE, done.sample_id, force=True)
    assert forced.state == "queued"
    assert finish(client, forced).artifacts == done.artifacts


def test_what_the_server_refuses_is_the_error_that_it_names(
    client: Client, done: Job, tmp_path: Path
) -> None:
    with pytest.raises(Conflict, match="done"):
        client.cancel(done.id)
    with pytest.raises(NotFound):
        client.job("job_" + "0" * 32)
    with pytest.raises(NotFound):
        client.submit(SEPARATE, "smp_" + "0" * 32)
    with pytest.raises(UnknownModel, match="is a path"):
        client.submit(MidiTask(model="./graph.onnx"), done.sample_id)
    (tmp_path / "text.wav").write_text("no audio")
    with pytest.raises(InputError, match=r"text\.wav"):
        client.add_sample(tmp_path / "text.wav", "text.wav")


@pytest.mark.parametrize("id", ["", "job_1/../../samples", "smp_12", "job_12 "])
def test_what_is_no_id_is_not_asked_for(client: Client, id: str) -> None:
    with pytest.raises(NotFound, match="is not the id of a job"):
        client.job(id)


def test_a_removed_sample_takes_its_jobs_with_it(client: Client, tmp_path: Path) -> None:
    song = write_wav(tmp_path / "gone.wav", tone(0.7))
    sample = client.add_sample(song, "gone.wav")
    job = finish(client, client.submit(MidiTask(), sample.id))
    client.remove_sample(sample.id)
    with pytest.raises(NotFound):
        client.sample(sample.id)
    with pytest.raises(NotFound):
        client.job(job.id)


@pytest.mark.parametrize("cut", [0, 100, 5_000, 100_000])
def test_a_broken_download_goes_on_where_it_broke(
    gateway: Gateway, done: Job, tmp_path: Path, cut: int
) -> None:
    artifact = done.artifacts[0]
    target = tmp_path / "drums.wav"
    with cutting(gateway.port, ("/artifacts/", cut)) as wire, Client(wire.url) as client:
        client.fetch_artifact(done, artifact, target)
    assert hashlib.sha256(target.read_bytes()).hexdigest() == artifact.sha256
    first, second = wire.requests_for("/artifacts/")
    assert b"range: bytes=" not in first.lower()
    assert (b"range: bytes=" in second.lower()) == (cut >= 5_000)


def test_a_job_whose_answer_is_lost_is_made_once(
    gateway: Gateway, client: Client, tmp_path: Path
) -> None:
    song = write_wav(tmp_path / "lost.wav", tone(0.6, hertz=311.0))
    sample = client.add_sample(song, "lost.wav")
    cuts = [("/v1/jobs", 10), ("/v1/jobs", 300)]
    with cutting(gateway.port, *cuts) as wire, Client(wire.url) as behind:
        job = behind.submit(MidiTask(), sample.id)
    assert len(wire.requests) == 3
    jobs = [each.id for each in client.jobs(limit=1000).items if each.sample_id == sample.id]
    assert jobs == [job.id]


def test_an_upload_whose_answer_is_lost_is_sent_again(gateway: Gateway, song: Path) -> None:
    with cutting(gateway.port, ("/v1/samples", 10)) as wire, Client(wire.url) as behind:
        assert behind.add_sample(song, "song.wav").bytes == song.stat().st_size
    assert len(wire.requests) == 2


def test_a_retry_whose_answer_is_lost_is_not_repeated(idle_gateway: Gateway, song: Path) -> None:
    with Client(idle_gateway.url) as client:
        job = client.submit(MidiTask(), client.add_sample(song, "song.wav").id)
        client.cancel(job.id)
        with cutting(idle_gateway.port, ("/retry", 10)) as wire, Client(wire.url) as behind:
            with pytest.raises(ServerUnreachable):
                behind.retry(job.id)
            assert len(wire.requests_for("/retry")) == 1
        assert client.job(job.id).state == "queued"


def test_a_stream_that_breaks_is_opened_again_after_its_last_event(
    idle_gateway: Gateway, song: Path
) -> None:
    states: list[str] = []
    with (
        Client(idle_gateway.url) as client,
        cutting(idle_gateway.port, ("/events", 400), ("/events", 200)) as wire,
        Client(wire.url) as behind,
    ):
        job = client.submit(SEPARATE, client.add_sample(song, "song.wav").id)
        watcher = threading.Thread(
            target=lambda: states.extend(event.state for event in behind.watch(job.id))
        )
        watcher.start()
        while len(wire.requests_for("/events")) < 3:
            time.sleep(0.05)
        client.cancel(job.id)
        watcher.join()
    assert states == ["queued", "cancelled"]
    first, second, third = wire.requests_for("/events")
    assert b"last-event-id: " not in first.lower()
    assert b"last-event-id: " in second.lower()
    assert b"last-event-id: " in third.lower()


def test_streams_that_never_open_leave_a_poll(
    gateway: Gateway, client: Client, tmp_path: Path
) -> None:
    song = write_wav(tmp_path / "poll.wav", tone(0.9))
    job = client.submit(MidiTask(), client.add_sample(song, "poll.wav").id, force=True)
    with cutting(gateway.port, *[("/events", 5)] * 50) as wire, Client(wire.url) as behind:
        events = list(behind.watch(job.id))
    assert events[-1].state == "done"
    assert wire.requests_for(f"/jobs/{job.id} ")


def test_what_ends_while_all_jobs_are_looked_at_is_told(idle_gateway: Gateway, song: Path) -> None:
    with Client(idle_gateway.url) as client:
        sample = client.add_sample(song, "song.wav")
        first = client.submit(MidiTask(), sample.id)
        last = client.submit(MidiTask(), sample.id, force=True)

        def look() -> list[Job]:
            found = [client.job(job.id) for job in (first, last)]
            client.cancel(first.id)
            return found

        told: list[tuple[str, str]] = []
        later = threading.Timer(1.0, client.cancel, [last.id])
        for event in watch_all(client._wire, "/v1/events", look, client.job):
            told.append((event.job_id, event.state))
            if told == [(first.id, "queued")]:
                later.start()
            if told[-1] == (last.id, "cancelled"):
                break
        later.join()
    assert told == [
        (first.id, "queued"), (last.id, "queued"),
        (first.id, "cancelled"), (last.id, "cancelled"),
    ]  # fmt: skip


def test_all_jobs_that_wait_are_told_however_many(idle_gateway: Gateway, song: Path) -> None:
    with Client(idle_gateway.url) as client:
        sample = client.add_sample(song, "song.wav")
        jobs = {client.submit(MidiTask(), sample.id, force=True).id for _ in range(60)}
        events = client.watch_all()
        assert {next(events).job_id for _ in jobs} == jobs


def test_all_jobs_can_be_followed(gateway: Gateway, client: Client, tmp_path: Path) -> None:
    sample = client.add_sample(write_wav(tmp_path / "all.wav", tone(0.8)), "all.wav")
    with Client(gateway.url) as other:
        events = other.watch_all()
        first = client.submit(MidiTask(), sample.id, force=True)
        ended = set()
        second = None
        for event in events:
            if event.final:
                ended.add(event.job_id)
            if first.id in ended and second is None:
                second = client.submit(MidiTask(), sample.id, force=True)
            if second is not None and second.id in ended:
                break
    assert {first.id, second.id} <= ended
