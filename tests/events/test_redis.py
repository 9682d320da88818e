"""What only the bus in Redis does: it can be away."""

from __future__ import annotations

import logging
import socket
from concurrent.futures import ThreadPoolExecutor

import pytest
import redis

from neuralib.errors import EventsUnreachable, UsageError
from neuralib.events.base import KEPT_EVENTS
from neuralib.events.embedded import EmbeddedEvents
from neuralib.events.open import open_events
from neuralib.events.redis import KEY_PREFIX, RedisEvents
from neuralib.settings import Settings
from tests.events.happenings import event
from tests.servers.redis import RedisServer, free_port


@pytest.mark.parametrize("url", ["", "localhost:6379", "http://localhost", "redis://localhost:x/0"])
def test_an_address_of_something_else_is_refused(url: str) -> None:
    with pytest.raises(UsageError, match="NEURALIB_REDIS_URL is no address"):
        RedisEvents(url)


def test_a_redis_that_is_not_there_is_told_without_its_password() -> None:
    events = RedisEvents(f"redis://:secret@127.0.0.1:{free_port()}/0")
    for call in (
        lambda: events.publish("t", event()),
        lambda: events.last_id("t"),
        lambda: events.since("t", "1-1"),
        lambda: events.wait({"t": "0-0"}, 1),
        events.wake,
        events.ping,
    ):
        with pytest.raises(EventsUnreachable, match="check NEURALIB_REDIS_URL") as caught:
            call()
        assert "secret" not in str(caught.value)


def test_a_redis_that_keeps_silent_is_tried_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("neuralib.events.redis._TIMEOUT_SECONDS", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        events = RedisEvents(f"redis://127.0.0.1:{silent.getsockname()[1]}/0")
        with pytest.raises(EventsUnreachable):
            events.publish("t", event())
        silent.settimeout(0)
        for _ in range(2):
            silent.accept()[0].close()
        with pytest.raises(BlockingIOError):
            silent.accept()


def test_the_settings_name_the_bus(redis_url: str) -> None:
    assert isinstance(open_events(Settings(redis_url=None)), EmbeddedEvents)
    events = open_events(Settings.model_validate({"redis_url": redis_url}))
    assert isinstance(events, RedisEvents)
    events.ping()
    events.close()


def test_processes_share_the_streams(redis_url: str) -> None:
    one, other = RedisEvents(redis_url), RedisEvents(redis_url)
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(one.wait, {"shared": one.last_id("shared")}, 60)
        event_id = other.publish("shared", event())
        assert [entry.id for entry in waiting.result()["shared"]] == [event_id]
    one.close()
    other.close()


def test_a_stream_is_capped(redis_url: str) -> None:
    events = RedisEvents(redis_url)
    for _ in range(KEPT_EVENTS + 500):
        events.publish("capped", event())
    with redis.Redis.from_url(redis_url) as client:
        assert KEPT_EVENTS <= client.xlen(f"{KEY_PREFIX}capped") < KEPT_EVENTS + 200
    events.close()


def test_what_cannot_be_read_is_left_out(redis_url: str, caplog: pytest.LogCaptureFixture) -> None:
    events = RedisEvents(redis_url)
    before = events.last_id("mixed")
    with redis.Redis.from_url(redis_url) as client:
        client.xadd(f"{KEY_PREFIX}mixed", {"event": b'{"job_id": "of the future"}'})
        client.xadd(f"{KEY_PREFIX}mixed", {"something": b"else"})
    with caplog.at_level(logging.WARNING):
        assert events.wait({"mixed": before}, 0.1) == {}
    assert "cannot read" in caplog.text
    event_id = events.publish("mixed", event())
    assert [entry.id for entry in events.wait({"mixed": before}, 10)["mixed"]] == [event_id]
    events.close()


def test_after_an_outage_the_streams_go_on(redis_server: RedisServer) -> None:
    events = RedisEvents(redis_server.url)
    first = events.publish("t", event("job_1"))
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(events.wait, {"t": first}, 60)
        redis_server.stop()
        with pytest.raises(EventsUnreachable):
            waiting.result()
    with pytest.raises(EventsUnreachable):
        events.publish("t", event("job_2"))
    redis_server.start()
    second = events.publish("t", event("job_3"))
    found = events.since("t", first)
    assert found is not None
    assert [entry.id for entry in found] == [second]
    events.close()
