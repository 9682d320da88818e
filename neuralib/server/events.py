"""`/v1/events` and `/v1/jobs/{id}/events`: what happens to jobs, as it happens."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Request

from neuralib.events.event import Entry
from neuralib.events.feed import Feed
from neuralib.events.listener import Item, Listener
from neuralib.events.message import Message, Reset, message_of
from neuralib.jobs.job import Job
from neuralib.server.auth import IsAdmitted, Tenant
from neuralib.server.documentation import PROBLEMS
from neuralib.server.event_stream import EventStream
from neuralib.server.snapshots import Snapshots, reset_block
from neuralib.server.state import InThread, TheService
from neuralib.service.announce import event_of

HEARTBEAT_SECONDS = 15.0
"""A stream on which nothing happens sends a comment so often."""
RETRY_MILLISECONDS = 2000
"""How long a client waits before it connects again."""
_PING = b": ping\n\n"

_EXAMPLE = (
    "id: 1789473600123-0\nevent: job\n"
    'data: {"job_id":"job_0195f3a1c2d7","task":"midi","state":"running","progress":0.5,'
    '"eta_seconds":3.2,"attempt":1,"error":null,"at":"2026-09-15T12:00:00.123Z"}\n\n'
)
_ANSWER: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/event-stream": {"example": _EXAMPLE}}}
}

router = APIRouter(prefix="/v1", tags=["events"], responses=PROBLEMS)

LastEventId = Annotated[
    str | None,
    Header(alias="Last-Event-ID", description="Go on after this event; browsers send it."),
]


async def _listener(
    request: Request, tenant: Tenant, last_event_id: LastEventId = None
) -> AsyncIterator[Listener]:
    feed: Feed = request.app.state.feed
    job_id = request.path_params.get("job_id")
    async with feed.listen(tenant, after=last_event_id or None, job_id=job_id) as listener:
        yield listener


async def _stopping(request: Request) -> asyncio.Event:
    stopping: asyncio.Event = request.app.state.stopping
    return stopping


async def _snapshots(request: Request, service: TheService, in_thread: InThread) -> Snapshots:
    state = request.app.state
    if not hasattr(state, "snapshots"):
        state.snapshots = Snapshots(service, in_thread)
    snapshots: Snapshots = state.snapshots
    return snapshots


TheListener = Annotated[Listener, Depends(_listener)]
Stopping = Annotated[asyncio.Event, Depends(_stopping)]
TheSnapshots = Annotated[Snapshots, Depends(_snapshots)]


@router.get("/events", status_code=200, response_class=EventStream, responses=_ANSWER)
async def events(
    tenant: Tenant,
    listener: TheListener,
    snapshots: TheSnapshots,
    stopping: Stopping,
    is_admitted: IsAdmitted,
) -> EventStream:
    """Follow all jobs of the caller, from now on or from `Last-Event-ID` on.

    `event: job` tells of one change. `event: reset` comes where events were missed (the id was
    too old, or the bus was away): its data is the list of the newest jobs as they are now.
    """
    blocks = _tenant_blocks(listener, partial(snapshots.after, tenant))
    return EventStream(blocks, listener.end, stopping, is_admitted)


@router.get("/jobs/{job_id}/events", status_code=200, response_class=EventStream, responses=_ANSWER)
async def job_events(
    tenant: Tenant,
    job_id: str,
    listener: TheListener,
    service: TheService,
    in_thread: InThread,
    stopping: Stopping,
    is_admitted: IsAdmitted,
    last_event_id: LastEventId = None,
) -> EventStream:
    """Follow one job: its state now, or what came after `Last-Event-ID`, then each change.

    The stream ends after the last event of the job. `event: reset` is as for all jobs, with this
    one alone.
    """

    async def look() -> Job:
        return await in_thread(service.job, tenant, job_id)

    # The listener is there already: nothing happens between what is read here and its events.
    job = await look()
    blocks = _job_blocks(listener, job, look, replay=bool(last_event_id))
    return EventStream(blocks, listener.end, stopping, is_admitted)


async def _tenant_blocks(
    listener: Listener, snapshot: Callable[[str], Awaitable[bytes]]
) -> AsyncGenerator[bytes, None]:
    yield _opening(listener)
    while (items := await listener.next(HEARTBEAT_SECONDS)) is not None:
        yield await _text(items, snapshot) if items else _PING


async def _job_blocks(
    listener: Listener, job: Job, look: Callable[[], Awaitable[Job]], *, replay: bool
) -> AsyncGenerator[bytes, None]:
    async def reset(event_id: str) -> bytes:
        nonlocal job
        job = await look()
        return reset_block(event_id, [job])

    yield _opening(listener)
    if not replay:
        yield _state(listener, job)
    while not (job.ended and not replay):
        items = await listener.next(0.0 if job.ended else HEARTBEAT_SECONDS)
        if items is None:
            return
        if items:
            yield await _text(items, reset)
            if _is_end(items, job):
                return
            continue
        # The end of a job may have been lost on its way to the bus: SQL knows.
        job = await look()
        replay = False
        yield _state(listener, job) if job.ended else _PING


def _opening(listener: Listener) -> bytes:
    """Let a client that reads no event at all go on from here when it connects again."""
    known = f"id: {listener.position}\n" if listener.is_live else ""
    return f"{known}retry: {RETRY_MILLISECONDS}\n\n".encode()


def _state(listener: Listener, job: Job) -> bytes:
    return message_of(Entry(listener.position, event_of(job))).text


def _is_end(items: Sequence[Item], job: Job) -> bool:
    """An end that another event follows was that of a run before a retry."""
    told = [item for item in items if isinstance(item, Reset) or item.text]
    if not told:
        return False
    last = told[-1]
    return last.final if isinstance(last, Message) else job.ended


async def _text(items: Sequence[Item], reset: Callable[[str], Awaitable[bytes]]) -> bytes:
    texts = [item.text if isinstance(item, Message) else await reset(item.id) for item in items]
    return b"".join(texts)
