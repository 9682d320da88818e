from __future__ import annotations

import json
import pickle
import socket
import zlib

import pytest
from redis import Redis
from rq.job import Job
from rq.serializers import JSONSerializer

from neuralib.errors import QueueUnreachable, UsageError
from neuralib.queue.embedded import EmbeddedQueue
from neuralib.queue.open import open_queue
from neuralib.queue.rq import RqQueue
from neuralib.queue.rq_job import FUNCTION, RunJob, is_ours
from neuralib.settings import Settings
from tests.servers.redis import RedisServer, free_port


def test_only_the_id_goes_through_redis(redis_url: str) -> None:
    queue = RqQueue(redis_url)
    queue.put("job_1", "midi")
    with Redis.from_url(redis_url) as client:
        stored = client.hgetall(RunJob.key_for("job_1"))
    assert json.loads(zlib.decompress(stored[b"data"])) == [FUNCTION, None, ["job_1"], {}]
    assert not any(stored[name] for name in stored if name.endswith(b"_callback_name"))
    assert stored[b"result_ttl"] == b"0"


@pytest.mark.parametrize(
    "data",
    [
        json.dumps(["os.system", None, ["job_1"], {}]).encode(),
        json.dumps([FUNCTION, None, ["job_2"], {}]).encode(),
        json.dumps([FUNCTION, None, ["job_1"], {"shell": True}]).encode(),
        json.dumps([FUNCTION, "os", ["job_1"], {}]).encode(),
        json.dumps({"func": FUNCTION}).encode(),
        pickle.dumps((FUNCTION, None, ("job_1",), {})),
        b"\x80",
        b"",
    ],
)
def test_a_payload_that_is_not_ours_is_told_and_not_called(data: bytes) -> None:
    assert not is_ours(data, "job_1")
    assert not is_ours(zlib.compress(data), "job_1")


@pytest.mark.parametrize("data", [["os.system", None, ["ls"], {}], [FUNCTION, "os", [], {}]])
def test_a_job_calls_nothing_but_the_one_function(redis_url: str, data: list[object]) -> None:
    with Redis.from_url(redis_url) as client:
        job = RunJob("job_1", client, JSONSerializer)
        job.restore({b"data": json.dumps(data).encode()})
        with pytest.raises(PermissionError, match="not called"):
            job.perform()


def test_our_own_payload_is_told(redis_url: str) -> None:
    queue = RqQueue(redis_url)
    queue.put("job_1", "midi")
    with Redis.from_url(redis_url) as client:
        data = client.hget(RunJob.key_for("job_1"), "data")
    assert data
    assert is_ours(data, "job_1")
    assert not is_ours(data, "job_2")


def test_rqs_own_worker_finds_nothing_that_it_may_call(redis_url: str) -> None:
    queue = RqQueue(redis_url)
    queue.put("job_1", "midi")
    with Redis.from_url(redis_url) as client:
        job = Job.fetch("job_1", client, JSONSerializer)
        with pytest.raises(RuntimeError, match="neuralib worker"):
            job.perform()


def test_a_redis_that_is_away_is_told_without_its_password() -> None:
    port = free_port()
    queue = RqQueue(f"redis://:secret@127.0.0.1:{port}/0")
    calls = [
        queue.ping,
        queue.depths,
        queue.workers,
        lambda: queue.put("job_1", "midi"),
        lambda: queue.remove("job_1", "midi"),
        lambda: queue.stop("job_1"),
        lambda: queue.missing([("job_1", "midi")]),
    ]
    for call in calls:
        with pytest.raises(QueueUnreachable, match=f"127.0.0.1:{port}") as told:
            call()
        assert "secret" not in told.value.message


def test_a_redis_that_keeps_silent_is_told_as_one_that_is_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("neuralib.queue.rq_connection._TIMEOUT_SECONDS", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        queue = RqQueue(f"redis://127.0.0.1:{silent.getsockname()[1]}/0")
        with pytest.raises(QueueUnreachable, match=r"does not answer .*; start it, or check"):
            queue.put("job_1", "midi")


def test_a_redis_that_comes_back_is_used_again(redis_server: RedisServer) -> None:
    queue = RqQueue(redis_server.url)
    queue.put("job_1", "midi")
    redis_server.stop()
    with pytest.raises(QueueUnreachable):
        queue.put("job_2", "midi")
    redis_server.start()
    queue.put("job_3", "midi")
    assert queue.missing([("job_1", "midi"), ("job_3", "midi")]) == set()


def test_the_settings_choose_the_queue(redis_url: str) -> None:
    assert isinstance(open_queue(Settings()), EmbeddedQueue)
    settings = Settings(redis_url=redis_url)  # type: ignore[arg-type]  # pydantic makes it secret
    queue = open_queue(settings)
    assert isinstance(queue, RqQueue)
    queue.ping()


def test_an_address_that_is_none_is_told_without_being_shown() -> None:
    with pytest.raises(UsageError, match="NEURALIB_REDIS_URL") as told:
        RqQueue("http://:secret@somewhere")
    assert "secret" not in told.value.message
