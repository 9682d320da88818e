"""Server-Sent Events of a real gateway, on both buses."""

from __future__ import annotations

import itertools
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from http.client import IncompleteRead
from pathlib import Path

import pytest

from neuralib.events.listener import MAXIMUM_PENDING
from neuralib.jobs.job import Job, JobError, JobResult
from neuralib.server import event_stream, events
from neuralib.service.parts import opened_parts
from tests.conftest import ROOT
from tests.events.happenings import event
from tests.server.event_client import Stream, is_final
from tests.server.event_gateway import TENANT, Gateway, running, settings_of
from tests.servers.redis import RedisServer, free_port

RESULT = JobResult(audio_seconds=1, seconds=1, device="cpu", precision="fp32")
SMALL_BUFFER = 4096


@pytest.fixture(scope="module", params=["embedded", "redis"])
def gateway(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateway]:
    """A gateway with nothing but its database, and one of the buses."""
    url = request.getfixturevalue("redis_url") if request.param == "redis" else None
    settings = settings_of(tmp_path_factory.mktemp("gateway"), url)
    with opened_parts(settings) as parts, running(parts, settings) as gateway:
        yield gateway


def run(gateway: Gateway, job: Job) -> None:
    """Do what a worker does."""
    claim = gateway.runs.claim(job.id, "worker")
    assert claim
    gateway.runs.progress(claim, 0.5, 1.5)
    gateway.runs.finish(job.id, claim.lease, RESULT, ())


def fail(gateway: Gateway, job: Job) -> None:
    claim = gateway.runs.claim(job.id, "worker")
    assert claim
    gateway.runs.fail(job.id, claim.lease, JobError(code="decode", message="no audio"))


def test_a_stream_tells_all_that_happens_to_jobs(gateway: Gateway) -> None:
    with Stream(gateway.port) as stream:
        assert stream.status == 200
        assert stream.response.headers["Content-Type"].startswith("text/event-stream")
        assert stream.response.headers["Cache-Control"] == "no-store"
        (opening,) = stream.blocks(1)
        assert opening.retry == "2000"
        job = gateway.submit()
        run(gateway, job)
        blocks = stream.blocks(4)
    assert {block.event for block in blocks} == {"job"}
    told = [(block.data["state"], block.data["progress"]) for block in blocks]
    assert told == [("queued", 0), ("running", 0), ("running", 0.5), ("done", 1)]
    at = blocks[2].data.pop("at")
    assert at.endswith("Z")
    assert blocks[2].data == {
        "job_id": job.id,
        "task": "midi",
        "state": "running",
        "progress": 0.5,
        "eta_seconds": 1.5,
        "attempt": 1,
        "error": None,
    }


def test_a_job_ends_with_its_end_whatever_its_worker_still_tells(gateway: Gateway) -> None:
    with Stream(gateway.port) as stream:
        (opening,) = stream.blocks(1)
        job = gateway.submit()
        claim = gateway.runs.claim(job.id, "worker")
        assert claim
        gateway.service.cancel(TENANT, job.id)
        gateway.runs.progress(claim, 0.5, None)  # its worker has not heard of it
        other = gateway.submit()
        states = [block.data["state"] for block in stream.blocks(4)]
    assert states == ["queued", "running", "cancelled", "queued"]
    with Stream(gateway.port, f"/v1/jobs/{job.id}/events", opening.id) as stream:
        states = [block.data["state"] for block in stream if block.event == "job"]
    assert states == ["queued", "running", "cancelled"]
    gateway.service.cancel(TENANT, other.id)


def test_a_client_that_left_before_its_stream_began_is_no_fault(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    job = gateway.submit()
    looked, left = threading.Event(), threading.Event()

    def look(*_: object) -> Job:
        looked.set()
        left.wait(60)
        return job

    with monkeypatch.context() as patch:
        patch.setattr(gateway.service, "job", look)
        with socket.create_connection(("127.0.0.1", gateway.port)) as client:
            path = f"/v1/jobs/{job.id}/events"
            client.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            assert looked.wait(60)
        time.sleep(0.1)  # the server hears of it
        left.set()
        feed = gateway.app.state.feed
        while feed.listeners:
            time.sleep(0.01)
    assert [each for each in caplog.records if each.levelname == "ERROR"] == []


def test_a_client_that_comes_back_gets_what_it_missed(gateway: Gateway) -> None:
    with Stream(gateway.port) as stream:
        stream.blocks(1)
        first = gateway.submit()
        assert stream.blocks(1)[0].data["job_id"] == first.id
        last_id = stream.last_id
    run(gateway, first)
    second = gateway.submit()
    with Stream(gateway.port, last_event_id=last_id) as stream:
        blocks = stream.blocks(5)
    assert [(block.data["job_id"], block.data["state"]) for block in blocks[1:]] == [
        (first.id, "running"),
        (first.id, "running"),
        (first.id, "done"),
        (second.id, "queued"),
    ]


def test_a_client_that_saw_no_event_misses_none_either(gateway: Gateway) -> None:
    with Stream(gateway.port) as stream:
        stream.blocks(1)
        assert stream.last_id
        last_id = stream.last_id
    job = gateway.submit()
    with Stream(gateway.port, last_event_id=last_id) as stream:
        assert stream.blocks(2)[1].data["job_id"] == job.id


@pytest.mark.parametrize("unknown", ["1-1", "nonsense", "9" * 40])
def test_an_unknown_id_gives_the_jobs_as_they_are(gateway: Gateway, unknown: str) -> None:
    done, waiting = gateway.submit(), gateway.submit()
    run(gateway, done)
    with Stream(gateway.port, last_event_id=unknown) as stream:
        reset = stream.blocks(2)[1]
        assert reset.event == "reset"
        states = {job["id"]: job["state"] for job in reset.data}
        assert states[done.id] == "done"
        assert states[waiting.id] == "queued"
        assert "tenant" not in reset.data[0]
        run(gateway, waiting)
        assert stream.blocks(1)[0].data["state"] == "running"
    with Stream(gateway.port, last_event_id=reset.id) as stream:
        assert [block.event for block in stream.blocks(4)] == [None, "job", "job", "job"]


def test_the_stream_of_a_job_begins_with_its_state_and_ends_with_it(gateway: Gateway) -> None:
    job, other = gateway.submit(), gateway.submit()
    with Stream(gateway.port, f"/v1/jobs/{job.id}/events") as stream:
        state = stream.blocks(2)[1]
        assert (state.data["job_id"], state.data["state"]) == (job.id, "queued")
        run(gateway, other)
        run(gateway, job)
        rest = list(stream)
    assert [block.data["state"] for block in rest] == ["running", "running", "done"]
    assert {block.data["job_id"] for block in rest} == {job.id}


@pytest.mark.parametrize("last_event_id", [None, "1-1", "last"])
def test_the_stream_of_a_job_that_ended_tells_so(
    gateway: Gateway, last_event_id: str | None
) -> None:
    job = gateway.submit()
    run(gateway, job)
    if last_event_id == "last":
        last_event_id = gateway.parts.events.last_id(TENANT)
    with Stream(gateway.port, f"/v1/jobs/{job.id}/events", last_event_id) as stream:
        blocks = list(stream)
    final = blocks[-1].data[0] if blocks[-1].event == "reset" else blocks[-1].data
    assert final["state"] == "done"
    assert len(blocks) == 2


def test_a_failure_before_a_retry_ends_no_replay(gateway: Gateway) -> None:
    before = gateway.parts.events.last_id(TENANT)
    job = gateway.submit()
    fail(gateway, job)
    gateway.service.retry(TENANT, job.id)
    with Stream(gateway.port, f"/v1/jobs/{job.id}/events", before) as stream:
        blocks = stream.blocks(5)
        run(gateway, job)
        rest = list(stream)
    assert [block.data["state"] for block in blocks[1:]] == [
        "queued",
        "running",
        "failed",
        "queued",
    ]
    assert blocks[3].data["error"] == {"code": "decode", "message": "no audio"}
    assert [block.data["state"] for block in rest] == ["running", "running", "done"]


def test_an_end_that_the_bus_lost_is_told_all_the_same(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "HEARTBEAT_SECONDS", 0.2)
    job = gateway.submit()
    with Stream(gateway.port, f"/v1/jobs/{job.id}/events") as stream:
        stream.blocks(2)
        gateway.parts.jobs.cancel(TENANT, job.id)  # SQL alone
        *pings, end = stream
    assert {ping.comment for ping in pings} <= {"ping"}
    assert end.data["state"] == "cancelled"


def test_a_stream_on_which_nothing_happens_is_kept_open(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "HEARTBEAT_SECONDS", 0.05)
    with Stream(gateway.port) as stream:
        assert [block.comment for block in stream.blocks(4)] == [None, "ping", "ping", "ping"]


def test_a_job_that_is_not_there_is_a_problem(gateway: Gateway) -> None:
    with Stream(gateway.port, "/v1/jobs/job_nowhere/events") as stream:
        assert stream.status == 404
        assert stream.response.headers["Content-Type"] == "application/problem+json"
        assert b'"code":"not_found"' in stream.response.read()
    assert_nobody_listens(gateway)


def test_a_client_that_goes_is_forgotten(gateway: Gateway) -> None:
    with ExitStack() as stack:
        for _ in range(5):
            stack.enter_context(Stream(gateway.port)).blocks(1)
        assert gateway.app.state.feed.listeners == 5
    assert_nobody_listens(gateway)


def test_a_client_that_reads_nothing_for_long_gets_every_end(gateway: Gateway) -> None:
    jobs = [f"job_{number}" for number in range(MAXIMUM_PENDING + 300)]
    text = "x" * 500
    with (
        Stream(gateway.port, receive_buffer=SMALL_BUFFER) as slow,
        Stream(gateway.port) as quick,
    ):
        slow.blocks(1)
        for job in jobs:
            error = {"code": "decode", "message": text}
            gateway.parts.events.publish(TENANT, event(job, eta_seconds=1.0))
            gateway.parts.events.publish(TENANT, event(job, "failed", error=error))
        quick.until(set(jobs))  # the slow one is behind by all of them now
        blocks = slow.until(set(jobs))
    assert not any(block.event == "reset" for block in blocks)
    ends = [block.data["job_id"] for block in blocks if is_final(block.data["state"])]
    assert ends == jobs


def test_a_frozen_client_is_dropped_and_holds_up_nobody(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_stream, "SEND_TIMEOUT_SECONDS", 1.0)
    error = {"code": "decode", "message": "x" * 20_000}
    with Stream(gateway.port, receive_buffer=SMALL_BUFFER) as frozen:
        frozen.blocks(1)
        with Stream(gateway.port) as quick:
            quick.blocks(1)
            for number in itertools.count():
                job = f"job_{number}"
                gateway.parts.events.publish(TENANT, event(job, "failed", error=error))
                quick.until({job})
                if gateway.app.state.feed.listeners == 1:
                    break
                time.sleep(0.01)
        with pytest.raises(
            (ConnectionError, IncompleteRead)
        ):  # what it was sent before is still there to read
            frozen.until({"job_never"})
    assert_nobody_listens(gateway)


def assert_nobody_listens(gateway: Gateway) -> None:
    for _ in range(1000):
        if not gateway.app.state.feed.listeners:
            return
        time.sleep(0.01)
    raise AssertionError(f"{gateway.app.state.feed.listeners} still listen")


def test_tenants_and_strangers_are_kept_apart(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, None)
    with opened_parts(settings) as parts:
        _, mine = parts.keys.create("mine", "a key")
        _, theirs = parts.keys.create("theirs", "a key")
        with running(parts, settings) as gateway:
            with Stream(gateway.port) as stranger:
                assert stranger.status == 401
            with (
                Stream(gateway.port, token=mine) as my_stream,
                Stream(gateway.port, token=theirs) as their_stream,
            ):
                my_stream.blocks(1)
                their_stream.blocks(1)
                job, their_job = gateway.submit("mine"), gateway.submit("theirs")
                assert my_stream.blocks(1)[0].data["job_id"] == job.id
                assert their_stream.blocks(1)[0].data["job_id"] == their_job.id
            with Stream(gateway.port, f"/v1/jobs/{job.id}/events", token=theirs) as stranger:
                assert stranger.status == 404


def test_two_gateways_tell_of_the_same_jobs(tmp_path: Path, redis_url: str) -> None:
    settings = settings_of(tmp_path, redis_url)
    with (
        opened_parts(settings) as parts,
        opened_parts(settings) as other_parts,
        running(parts, settings) as one,
        running(other_parts, settings) as other,
        Stream(one.port) as here,
        Stream(other.port) as there,
    ):
        here.blocks(1)
        there.blocks(1)
        job = one.submit()
        run(other, job)
        assert here.blocks(4) == there.blocks(4)
        with Stream(one.port, last_event_id=there.last_id) as moved:
            later = other.submit()
            assert moved.blocks(2)[1].data["job_id"] == later.id


def test_streams_outlive_a_redis_that_is_started_again(
    tmp_path: Path, redis_server: RedisServer
) -> None:
    settings = settings_of(tmp_path, redis_server.url)
    with opened_parts(settings) as parts, running(parts, settings) as gateway:
        jobs = [gateway.submit() for _ in range(3)]
        with (
            Stream(gateway.port) as stream,
            Stream(gateway.port, f"/v1/jobs/{jobs[1].id}/events") as of_one,
        ):
            stream.blocks(1)
            of_one.blocks(2)
            run(gateway, jobs[0])
            redis_server.stop()
            for job in jobs[1:2]:  # committed in SQL, but the bus cannot be told
                run(gateway, job)
            time.sleep(1)
            redis_server.start()
            run(gateway, jobs[2])
            stream.until({job.id for job in jobs})
            last = list(of_one)[-1]
            state = last.data[0]["state"] if last.event == "reset" else last.data["state"]
            assert state == "done"


def test_sigterm_ends_the_streams_and_a_frozen_one_too(tmp_path: Path, redis_url: str) -> None:
    port = free_port()
    settings = settings_of(tmp_path, redis_url)
    words = [str(tmp_path), str(port), redis_url]
    with (
        subprocess.Popen(
            [sys.executable, "-m", "tests.server.event_gateway", *words],
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process,
        opened_parts(settings) as parts,
    ):
        assert process.stdout
        assert process.stdout.readline()
        with (
            Stream(port) as stream,
            Stream(port, receive_buffer=SMALL_BUFFER) as frozen,
        ):
            stream.blocks(1)
            frozen.blocks(1)
            error = {"code": "decode", "message": "x" * 20_000}
            jobs = [f"job_{number}" for number in range(200)]
            publishing = threading.Thread(
                target=lambda: [
                    parts.events.publish(TENANT, event(job, "failed", error=error)) for job in jobs
                ]
            )
            publishing.start()
            stream.until(set(jobs))
            publishing.join()
            process.send_signal(signal.SIGTERM)
            assert list(stream) == []
            _, errors = process.communicate()
    assert process.returncode == 0
    assert "exceeded" not in errors, "the server had to give up waiting"
