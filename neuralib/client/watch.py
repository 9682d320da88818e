"""Following jobs: a stream of events that may break, and the jobs' own state, which is true."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timezone

import httpx2
from pydantic import ValidationError

from neuralib.client.answers import Passing, raise_failure
from neuralib.client.wire import Wire
from neuralib.errors import ClusterError, NotFound, ServerUnreachable
from neuralib.events.event import Event, EventError
from neuralib.jobs.job import Job

_STREAM_TIMEOUT = httpx2.Timeout(60.0, connect=10.0, read=40.0)
"""A gateway says something every 15 seconds at least."""
_POLL_SECONDS = 1.0


def watch(wire: Wire, address: str, look: Callable[[], Job]) -> Iterator[Event]:
    """Yield what happens to one job: first its state now, last the event of its end.

    The stream is believed while it lasts. Before it, and each time that it breaks or says that
    events were missed, the job itself is looked at; so streams that cannot be opened leave a
    poll every second.

    Args:
        wire: to the gateway.
        address: of the job's events.
        look: gets the job.
    """
    stream = _Stream(wire, address)
    last = None
    while True:
        event = _event_of(look())
        if last is None or _state(event) != _state(last):
            yield event
        last = event
        if event.final:
            return
        for each in stream.read():
            if each is None:
                break
            if (_state(each), each.eta_seconds) != (_state(last), last.eta_seconds):
                last = each
                yield each
            if each.final:
                return
        stream.rest()


def watch_all(
    wire: Wire, address: str, active: Callable[[], list[Job]], look: Callable[[str], Job]
) -> Iterator[Event]:
    """Yield what happens to all jobs, for ever: first the state of those that have not ended.

    Args:
        wire: to the gateway.
        address: of all jobs' events.
        active: lists the jobs that have not ended.
        look: gets one job.
    """
    stream = _Stream(wire, address)
    told: dict[str, Event] = {}
    while True:
        opened = False
        for each in stream.read(looking=True):
            opened = True
            yield from _take(told, [each] if each else _news(told, active(), look))
        if not opened:
            yield from _take(told, _news(told, active(), look))
        stream.rest()


def _take(told: dict[str, Event], events: Iterable[Event]) -> Iterator[Event]:
    """Pass events on, and keep what was told last of the jobs that have not ended."""
    for event in events:
        told[event.job_id] = event
        if event.final:
            del told[event.job_id]
        yield event


def _news(told: dict[str, Event], active: list[Job], look: Callable[[str], Job]) -> Iterator[Event]:
    """Yield the state of jobs that is not what was told of them; also of those that ended."""
    now = {job.id: _event_of(job) for job in active}
    for job_id in told.keys() - now.keys():
        try:
            now[job_id] = _event_of(look(job_id))
        except NotFound:  # removed, with its sample
            del told[job_id]
    for event in now.values():
        if event.job_id not in told or _state(event) != _state(told[event.job_id]):
            yield event


class _Stream:
    """One stream of events, opened again after the last event that came."""

    def __init__(self, wire: Wire, address: str) -> None:
        self._wire = wire
        self._address = address
        self._last_id = ""

    def read(self, *, looking: bool = False) -> Iterator[Event | None]:
        """Yield events until the connection ends; None where some were missed.

        Args:
            looking: yield None first, too, where the stream begins with what happens from now
                on: what is looked at then is not older than the events that follow.
        """
        headers = {"Accept": "text/event-stream", "Cache-Control": "no-store"}
        if self._last_id:
            headers["Last-Event-ID"] = self._last_id
        try:
            with self._wire.stream(
                "GET", self._address, headers=headers, timeout=_STREAM_TIMEOUT
            ) as response:
                if not response.is_success:
                    response.read()
                    raise_failure(response, self._wire.server)
                if looking and not self._last_id:
                    yield None
                yield from self._events(response)
        except (Passing, ServerUnreachable):
            return  # the job itself is looked at next, and tells if the server is gone
        except ClusterError as error:
            if error.http_status < 500:
                raise

    def rest(self) -> None:
        """Wait a little before the next try."""
        time.sleep(_POLL_SECONDS)

    def _events(self, response: httpx2.Response) -> Iterator[Event | None]:
        for message in httpx2.EventSource(response):
            self._last_id = message.id or self._last_id
            if message.event == "reset":
                self._last_id = message.id
                yield None
            elif message.event == "job":
                try:
                    yield Event.model_validate_json(message.data)
                except ValidationError:
                    continue  # of a newer server; the end is seen in the job itself


def _event_of(job: Job) -> Event:
    return Event(
        job_id=job.id,
        task=job.task.kind,
        state=job.state,
        progress=job.progress,
        eta_seconds=None,
        attempt=job.attempt,
        error=EventError(**job.error.model_dump()) if job.error else None,
        at=datetime.now(timezone.utc),
    )


def _state(event: Event) -> tuple[object, ...]:
    return event.attempt, event.state, event.progress
