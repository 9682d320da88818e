"""Following one job to its end."""

from __future__ import annotations

import time
from collections.abc import Iterator

from neuralib.errors import EventsUnreachable
from neuralib.events.base import Events
from neuralib.events.event import Entry, Event
from neuralib.service.announce import event_of
from neuralib.service.parts import Parts

_LOOK_SECONDS = 5.0
"""How often SQL is asked, for what the bus did not tell."""


def watch(parts: Parts, tenant: str, job_id: str) -> Iterator[Event]:
    """Follow a job: what is true now, then each change, up to its end.

    Where the bus is out of reach or has lost events, SQL tells; later, but no end is missed.

    Yields:
        Events of this job; the last one is final.

    Raises:
        NotFound: where there is no such job, or it was removed meanwhile.
        DatabaseUnreachable: where SQL does not answer.
    """
    after = _last_id(parts.events, tenant)  # before SQL is asked, so that nothing is between
    told = event_of(parts.jobs.get(tenant, job_id))
    yield told
    look = time.monotonic() + _LOOK_SECONDS
    while not told.final:
        for entry in _wait(parts.events, tenant, after, max(0.0, look - time.monotonic())):
            after = entry.id
            if entry.event.job_id == job_id and not told.final:
                told = entry.event
                yield told
        if not told.final and time.monotonic() >= look:
            look = time.monotonic() + _LOOK_SECONDS
            after = after or _last_id(parts.events, tenant)
            now = event_of(parts.jobs.get(tenant, job_id))
            if (now.state, now.attempt) != (told.state, told.attempt):
                told = now
                yield told


def _last_id(events: Events, tenant: str) -> str | None:
    try:
        return events.last_id(tenant)
    except EventsUnreachable:
        return None


def _wait(events: Events, tenant: str, after: str | None, seconds: float) -> list[Entry]:
    try:
        if after is not None:
            return events.wait({tenant: after}, seconds).get(tenant, [])
    except EventsUnreachable:
        pass
    time.sleep(seconds)
    return []
