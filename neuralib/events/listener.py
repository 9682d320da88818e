"""One of those who follow the events of a tenant."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Protocol

from neuralib.errors import EventsUnreachable
from neuralib.events.message import Message, Reset
from neuralib.events.order import comes_after

Item = Message | Reset

MAXIMUM_PENDING = 1000
"""Items that wait for a slow listener; beyond, progress is dropped, then all is read again."""
PAGE_EVENTS = 1000
"""Events that are read again at once, so that a thousand slow listeners take little memory."""


class Source(Protocol):
    """Where the items of a listener come from."""

    position: str
    """Id of the event that was handed to all listeners last."""

    async def read(self, after: str, limit: int) -> list[Message] | None:
        """Give the first events after an id; None where that cannot be told."""


class Listener:
    """The events of a tenant, or of one of its jobs, in their order; of one event loop.

    While it is slow, older progress of a job gives way to newer. An end state never does: where
    too many wait, all are forgotten here and read again from the stream, when it is their turn.
    """

    def __init__(self, source: Source, job_id: str | None, after: str | None) -> None:
        """Begin to listen.

        Args:
            source: hands over what happens from now on by `put`, and reads what was before.
            job_id: leave out the events of other jobs; None: leave out none.
            after: begin with what came after this id; None: with what comes from now on.
        """
        self.position = source.position if after is None else after
        """All up to the event of this id was given, or is of no concern."""
        self._source = source
        self._job_id = job_id
        self._pending: list[Item] = []
        self._behind = after is not None
        self._read_to = ""
        self._ended = False
        self._waiting: asyncio.Future[bool] | None = None
        self._patient_until = 0.0
        self._timer: asyncio.TimerHandle | None = None

    @property
    def is_live(self) -> bool:
        """It has nothing to read again: what comes is what happens after `position`."""
        return not self._behind

    def put(self, items: Sequence[Item]) -> None:
        """Let it have what has just happened."""
        if self._behind or self._ended:
            return
        wanted = self._wanted(items)
        if self._read_to:
            wanted = _after(wanted, self._read_to)
            if comes_after(items[-1].id, self._read_to):
                self._read_to = ""
        if not wanted:
            return
        self._pending += wanted
        if len(self._pending) > MAXIMUM_PENDING:
            self._make_room()
        self._wake(True)

    def end(self) -> None:
        """Let `next` give None from now on."""
        self._ended = True
        if self._timer:
            self._timer.cancel()
        self._wake(True)

    async def next(self, timeout_seconds: float) -> list[Item] | None:
        """Give all that waits, as soon as there is something; one caller at a time.

        Returns:
            Empty where nothing came for so long; None where the listener was ended.
        """
        while not self._pending and not self._ended:
            if self._behind:
                await self._read()
            elif not await self._wait(timeout_seconds):
                return []
        if self._ended:
            return None
        given, self._pending = self._pending, []
        self.position = given[-1].id
        return given

    async def _wait(self, timeout_seconds: float) -> bool:
        loop = asyncio.get_running_loop()
        self._waiting = loop.create_future()
        self._patient_until = loop.time() + timeout_seconds
        if not self._timer or self._timer.when() > self._patient_until:
            self._arm(loop)
        try:
            return await self._waiting
        finally:
            self._waiting = None

    def _arm(self, loop: asyncio.AbstractEventLoop) -> None:
        """Look at the time again when patience may be over: one timer for many waits."""
        if self._timer:
            self._timer.cancel()
        self._timer = loop.call_at(self._patient_until, self._look, loop)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = None
        if self._waiting and loop.time() < self._patient_until:
            self._arm(loop)
        else:
            self._wake(False)

    def _wake(self, something: bool) -> None:
        if self._waiting and not self._waiting.done():
            self._waiting.set_result(something)

    async def _read(self) -> None:
        here = self._source.position
        self._behind = False  # what happens while it reads is put behind what it reads
        try:
            missed = await self._source.read(self.position, PAGE_EVENTS)
        except EventsUnreachable:
            missed = None
        if missed is None:
            self.position = here
            self._pending.insert(0, Reset(here))
            return
        if missed:
            self.position = missed[-1].id
        if len(missed) == PAGE_EVENTS:
            self._pending, self._behind = [], True
        # It may have read what the others are still to get, and so is still to come here too.
        self._read_to = self.position
        self._pending = self._wanted(missed) + _after(self._pending, self._read_to)

    def _wanted(self, items: Sequence[Item]) -> list[Item]:
        if self._job_id is None:
            return list(items)
        return [item for item in items if isinstance(item, Reset) or item.job_id == self._job_id]

    def _make_room(self) -> None:
        newest = {item.job_id: item for item in self._pending if isinstance(item, Message)}
        self._pending = [
            item
            for item in self._pending
            if isinstance(item, Reset) or item.final or newest[item.job_id] is item
        ]
        if len(self._pending) > MAXIMUM_PENDING // 2:
            self._pending, self._behind = [], True


def _after(items: Sequence[Item], event_id: str) -> list[Item]:
    """Leave out events up to this one."""
    return [item for item in items if isinstance(item, Reset) or comes_after(item.id, event_id)]
