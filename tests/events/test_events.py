"""What every bus does."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from neuralib.events.base import KEPT_EVENTS, Events
from neuralib.events.event import EventError
from tests.events.happenings import event


def test_an_event_comes_back_as_it_was_published(events: Events, tenant: str) -> None:
    before = events.last_id(tenant)
    told = event(state="failed", error=EventError(code="decode", message="a ünïcode\nline"))
    event_id = events.publish(tenant, told)
    assert events.since(tenant, before) == [(event_id, told)]
    assert events.last_id(tenant) == event_id


def test_what_comes_after_an_id_comes_in_order(events: Events, tenant: str) -> None:
    ids = [events.publish(tenant, event(f"job_{number}")) for number in range(10)]
    later = events.since(tenant, ids[3])
    assert later is not None
    assert [entry.id for entry in later] == ids[4:]
    assert events.since(tenant, ids[-1]) == []
    limited = events.since(tenant, ids[3], limit=2)
    assert limited is not None
    assert [entry.id for entry in limited] == ids[4:6]


def test_the_newest_come_in_order(events: Events, tenant: str) -> None:
    assert events.newest(tenant, 3) == []
    ids = [events.publish(tenant, event(f"job_{number}")) for number in range(5)]
    assert [entry.id for entry in events.newest(tenant, 3)] == ids[2:]
    assert [entry.id for entry in events.newest(tenant, 9)] == ids


def test_tenants_do_not_see_each_other(events: Events, tenant: str) -> None:
    before = events.last_id(tenant + "-b")
    events.publish(tenant, event())
    assert events.since(tenant + "-b", before) == []
    assert events.wait({tenant + "-b": before}, 0.05) == {}


@pytest.mark.parametrize(
    "unknown",
    ["", "1", "x-y", "-", "+", "1-1", "99999999999999-0", "9" * 30 + "-0", "1-1 ", "1_0-0", "٣-٣"],
)
def test_an_unknown_id_is_told_as_missed(events: Events, tenant: str, unknown: str) -> None:
    events.publish(tenant, event())
    assert events.since(tenant, unknown) is None


def test_an_id_of_another_tenant_is_unknown(events: Events, tenant: str) -> None:
    other = events.publish(tenant, event())
    time.sleep(0.002)
    events.publish(tenant + "-b", event())
    assert events.since(tenant + "-b", other) is None


def test_what_was_forgotten_is_told_as_missed(events: Events, tenant: str) -> None:
    before = events.last_id(tenant)
    same = event()
    first = events.publish(tenant, same)
    for _ in range(KEPT_EVENTS + 200):
        last = events.publish(tenant, same)
    assert events.since(tenant, before) is None
    assert events.since(tenant, first) is None
    assert events.since(tenant, last) == []


def test_wait_gives_what_is_there_already(events: Events, tenant: str) -> None:
    before = events.last_id(tenant)
    event_id = events.publish(tenant, event())
    found = events.wait({tenant: before, tenant + "-b": "0-0"}, 5)
    assert [entry.id for entry in found[tenant]] == [event_id]
    assert set(found) == {tenant}


def test_wait_ends_when_another_thread_publishes(events: Events, tenant: str) -> None:
    cursors = {tenant + "-b": events.last_id(tenant + "-b"), tenant: events.last_id(tenant)}
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(events.wait, cursors, 60)
        time.sleep(0.1)
        assert not waiting.done()
        events.publish(tenant, event())
        assert list(waiting.result()) == [tenant]


def test_wait_gives_up(events: Events, tenant: str) -> None:
    assert events.wait({tenant: events.last_id(tenant)}, 0.02) == {}
    assert events.wait({}, 0.02) == {}


def test_wake_ends_a_wait(events: Events, tenant: str) -> None:
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(events.wait, {tenant: events.last_id(tenant)}, 60)
        time.sleep(0.1)
        events.wake()
        assert waiting.result() == {}


def test_a_wake_before_the_wait_is_not_lost(events: Events, tenant: str) -> None:
    events.wake()
    assert events.wait({tenant: events.last_id(tenant)}, 60) == {}
    assert events.wait({tenant: events.last_id(tenant)}, 0.02) == {}


def test_many_threads_publish_without_loss(events: Events, tenant: str) -> None:
    before = events.last_id(tenant)
    with ThreadPoolExecutor(8) as pool:
        jobs = [f"job_{number}" for number in range(400)]
        ids = list(pool.map(lambda job: events.publish(tenant, event(job)), jobs))
    found = events.since(tenant, before)
    assert found is not None
    assert sorted(entry.event.job_id for entry in found) == sorted(jobs)
    assert {entry.id for entry in found} == set(ids)


def test_waiting_in_turn_sees_every_event_once(events: Events, tenant: str) -> None:
    cursor = events.last_id(tenant)

    def publish() -> None:
        for number in range(3000):
            events.publish(tenant, event(f"job_{number}"))

    publisher = threading.Thread(target=publish)
    publisher.start()
    seen: list[str] = []
    while len(seen) < 3000:
        found = events.wait({tenant: cursor}, 30)
        assert found
        seen += [entry.event.job_id for entry in found[tenant]]
        cursor = found[tenant][-1].id
    publisher.join()
    assert seen == [f"job_{number}" for number in range(3000)]


def test_it_answers(events: Events) -> None:
    events.ping()
