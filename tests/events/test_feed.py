"""Handing events to listeners, on both buses."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from typing import Any

from neuralib.events.base import KEPT_EVENTS, Events
from neuralib.events.feed import Feed
from neuralib.events.listener import MAXIMUM_PENDING, PAGE_EVENTS, Listener
from neuralib.events.message import Message, Reset
from neuralib.events.order import order_of
from neuralib.events.redis import RedisEvents
from tests.events.happenings import event
from tests.servers.redis import RedisServer

PATIENCE_SECONDS = 60


def with_feed(events: Events, test: Callable[[Feed], Coroutine[Any, Any, None]]) -> None:
    async def run() -> None:
        feed = Feed(events)
        try:
            await asyncio.wait_for(test(feed), PATIENCE_SECONDS)
        finally:
            await feed.close()

    asyncio.run(run())


async def ids_of(listener: Listener, number: int) -> list[str]:
    """Read until there are so many; exactly so many."""
    read: list[str] = []
    while len(read) < number:
        items = await listener.next(PATIENCE_SECONDS)
        assert items
        assert not any(isinstance(item, Reset) for item in items)
        read += [item.id for item in items]
    assert len(read) == number
    return read


def test_all_who_listen_get_the_same_text(events: Events, tenant: str) -> None:
    async def test(feed: Feed) -> None:
        async with AsyncExitStack() as stack:
            listeners = [await stack.enter_async_context(feed.listen(tenant)) for _ in range(3)]
            assert feed.listeners == 3
            told = event()
            event_id = await asyncio.to_thread(events.publish, tenant, told)
            got = [(await listener.next(PATIENCE_SECONDS) or [None])[0] for listener in listeners]
        assert isinstance(got[0], Message)
        assert got[0] is got[1] is got[2], "it was written more than once"
        assert got[0].text.decode() == (
            f"id: {event_id}\nevent: job\ndata: {told.model_dump_json()}\n\n"
        )
        assert feed.listeners == 0

    with_feed(events, test)


def test_tenants_and_jobs_are_kept_apart(events: Events, tenant: str) -> None:
    async def test(feed: Feed) -> None:
        async with feed.listen(tenant, job_id="job_b") as mine, feed.listen(tenant + "-b") as other:
            events.publish(tenant, event("job_a"))
            wanted = events.publish(tenant, event("job_b"))
            later = events.publish(tenant + "-b", event("job_b"))
            assert await ids_of(mine, 1) == [wanted]
            assert await ids_of(other, 1) == [later]
            assert await mine.next(0.01) == []

    with_feed(events, test)


def test_nothing_is_lost_or_doubled_between_replay_and_live(events: Events, tenant: str) -> None:
    number = 3 * PAGE_EVENTS
    begin = events.last_id(tenant)

    async def test(feed: Feed) -> None:
        def publish() -> list[str]:
            return [events.publish(tenant, event(f"job_{each}", "done")) for each in range(number)]

        async with feed.listen(tenant):  # the channel is live before the replays begin
            publishing = asyncio.create_task(asyncio.to_thread(publish))
            readings = []
            async with AsyncExitStack() as stack:
                for _ in range(4):
                    listening = feed.listen(tenant, after=begin)
                    listener = await stack.enter_async_context(listening)
                    readings.append(asyncio.create_task(ids_of(listener, number)))
                    await asyncio.sleep(0.02)
                published = await publishing
                for reading in readings:
                    assert await reading == published

    with_feed(events, test)


def test_a_listener_that_is_not_read_gets_every_end(events: Events, tenant: str) -> None:
    jobs = [f"job_{number}" for number in range(MAXIMUM_PENDING + 500)]

    async def test(feed: Feed) -> None:
        async with feed.listen(tenant) as slow, feed.listen(tenant) as quick:
            for job in jobs:
                events.publish(tenant, event(job))
                last = events.publish(tenant, event(job, "done"))
                while quick.position < last:
                    await quick.next(PATIENCE_SECONDS)
            assert len(slow._pending) <= MAXIMUM_PENDING
            ends: list[str] = []
            while len(ends) < len(jobs):
                items = await slow.next(PATIENCE_SECONDS)
                assert items
                ends += [item.job_id for item in items if isinstance(item, Message) and item.final]
            assert ends == jobs

    with_feed(events, test)


def test_for_a_slow_listener_the_newest_progress_of_a_job_wins(events: Events, tenant: str) -> None:
    async def test(feed: Feed) -> None:
        async with feed.listen(tenant) as slow, feed.listen(tenant) as quick:
            events.publish(tenant, event("job_b", "done"))
            for step in range(3 * MAXIMUM_PENDING):
                last = events.publish(tenant, event("job_a", progress=step / 5000))
            while quick.position != last:
                await quick.next(PATIENCE_SECONDS)
            items = await slow.next(PATIENCE_SECONDS)
            assert items
            assert len(items) <= MAXIMUM_PENDING
            assert next(item.job_id for item in items if isinstance(item, Message)) == "job_b"
            assert items[-1].id == last
            orders = [order_of(item.id) or (0, 0) for item in items]
            assert orders == sorted(orders)

    with_feed(events, test)


def test_an_id_that_is_unknown_gives_a_reset_and_then_what_follows(
    events: Events, tenant: str
) -> None:
    here = events.publish(tenant, event())

    async def test(feed: Feed) -> None:
        async with feed.listen(tenant, after="1-1") as listener:
            assert await listener.next(PATIENCE_SECONDS) == [Reset(here)]
            later = events.publish(tenant, event())
            assert await ids_of(listener, 1) == [later]

    with_feed(events, test)


def test_an_id_that_was_forgotten_gives_a_reset(events: Events, tenant: str) -> None:
    first = events.publish(tenant, event())
    for _ in range(KEPT_EVENTS + 200):
        last = events.publish(tenant, event())

    async def test(feed: Feed) -> None:
        async with feed.listen(tenant, after=first) as listener:
            assert await listener.next(PATIENCE_SECONDS) == [Reset(last)]

    with_feed(events, test)


def test_a_closed_feed_ends_its_listeners(events: Events, tenant: str) -> None:
    async def test(feed: Feed) -> None:
        async with feed.listen(tenant) as listener:
            waiting = asyncio.create_task(listener.next(PATIENCE_SECONDS))
            await asyncio.sleep(0)
            await feed.close()
            assert await waiting is None
        async with feed.listen(tenant) as late:
            assert await late.next(PATIENCE_SECONDS) is None

    with_feed(events, test)


def test_many_tenants_are_heard_as_soon_as_they_listen(events: Events, tenant: str) -> None:
    tenants = [f"{tenant}-{number}" for number in range(30)]

    async def test(feed: Feed) -> None:
        async with AsyncExitStack() as stack:
            for each in tenants:
                listener = await stack.enter_async_context(feed.listen(each))
                published = events.publish(each, event())
                assert await ids_of(listener, 1) == [published]

    with_feed(events, test)


def test_an_outage_ends_no_listener_and_nothing_is_missed(redis_server: RedisServer) -> None:
    events = RedisEvents(redis_server.url)
    cluster = RedisEvents(redis_server.url)

    async def test(feed: Feed) -> None:
        async with feed.listen("t") as listener, feed.listen("t", job_id="job_z") as of_job:
            first = cluster.publish("t", event())
            assert await ids_of(listener, 1) == [first]
            for _ in range(2):
                redis_server.stop()
                await asyncio.sleep(0.5)
                assert await listener.next(0.05) == []
                redis_server.start()
                last = cluster.publish("t", event())
                got: list[Message | Reset] = []
                while last not in [item.id for item in got if isinstance(item, Message)]:
                    items = await listener.next(PATIENCE_SECONDS)
                    assert items
                    got += items
                assert any(isinstance(item, Reset) for item in got), "what was lost is looked up"
                again = await of_job.next(PATIENCE_SECONDS)
                assert again
                assert all(isinstance(item, Reset) for item in again)

    with_feed(events, test)
    events.close()
    cluster.close()


def test_a_redis_that_comes_back_empty_is_a_reset(redis_server: RedisServer) -> None:
    events = RedisEvents(redis_server.url)

    async def test(feed: Feed) -> None:
        async with feed.listen("t") as listener:
            first = events.publish("t", event())
            assert await ids_of(listener, 1) == [first]
            redis_server.kill()
            for path in redis_server.folder.glob("appendonly*"):
                path.unlink()
            redis_server.start()
            assert await listener.next(PATIENCE_SECONDS) == [Reset("0-0")]
            later = events.publish("t", event())
            assert await ids_of(listener, 1) == [later]

    with_feed(events, test)
    events.close()


def test_nothing_older_is_told_after_the_end_of_a_run(events: Events, tenant: str) -> None:
    told = [
        event("a", attempt=1),
        event("a", "cancelled", attempt=1),
        event("a", attempt=1),  # its worker has not heard of it yet
        event("b", attempt=1),
        event("a", "queued", attempt=1),
        event("a", attempt=2),
        event("a", "done", attempt=2),
        event("a", attempt=2),
    ]

    async def read(listener: Listener) -> list[str]:
        texts: list[bytes] = []
        while not texts or b'"last"' not in texts[-1]:
            items = await listener.next(PATIENCE_SECONDS)
            texts += [item.text for item in items or [] if isinstance(item, Message) and item.text]
        events = [json.loads(text.partition(b"data: ")[2]) for text in texts[:-1]]
        return [f"{each['job_id']} {each['state']} {each['attempt']}" for each in events]

    async def test(feed: Feed) -> None:
        before = await asyncio.to_thread(events.last_id, tenant)
        async with feed.listen(tenant) as live:
            for each in [*told, event("last")]:
                await asyncio.to_thread(events.publish, tenant, each)
            seen = await read(live)
            async with feed.listen(tenant, after=before) as replay:
                again = await read(replay)
        rest = ["b running 1", "a queued 1", "a running 2", "a done 2"]
        assert seen == again == ["a running 1", "a cancelled 1", *rest]

    with_feed(events, test)
