"""Threads that compute together: each waits with its call until the others wait, too."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from threading import Condition
from typing import Any


class Ended(Exception):
    """Is raised in the threads where nobody wants their results any more."""


@dataclass(eq=False)
class Call:
    """What one thread asks for, and then what it got."""

    kind: str
    arguments: tuple[Any, ...]
    result: Any = None
    error: BaseException | None = None
    answered: bool = field(default=False)


class Meeting:
    """Collects the calls of a fixed number of threads, and answers them all at once.

    Which calls are answered together depends on the threads' work alone, not on their speed, so
    that the same input gives the same batches.
    """

    def __init__(
        self, threads: int, answer: Callable[[Sequence[Call], Callable[[], None]], None]
    ) -> None:
        """Open the meeting.

        Args:
            threads: how many will call; each must `leave` at its end.
            answer: fills in the results of the calls; runs in one of the threads, while all
                others wait, and has `check` to call now and then.
        """
        self._present = threads
        self._answer = answer
        self._calls: list[Call] = []
        self._changed = Condition()
        self.ended = False

    def call(self, kind: str, *arguments: Any) -> Any:
        """Give the result of a call, as soon as every thread has one.

        Raises:
            Ended: where the meeting has been ended.
        """
        with self._changed:
            call = Call(kind, arguments)
            self._calls.append(call)
            self._answer_all()
            while not call.answered and not self.ended:
                self._changed.wait()
        if not call.answered:
            raise Ended
        if call.error is not None:
            raise call.error
        return call.result

    def leave(self) -> None:
        """Say that this thread calls no more."""
        with self._changed:
            self._present -= 1
            self._answer_all()

    def end(self, stop: Callable[[], None] = lambda: None) -> None:
        """Send every thread home; calls under way are given up at the next `check`.

        Args:
            stop: makes what computes give up sooner.
        """
        self.ended = True
        stop()
        with self._changed:
            self._changed.notify_all()

    def check(self) -> None:
        """Make sure that somebody still wants the results.

        Raises:
            Ended: where nobody does.
        """
        if self.ended:
            raise Ended

    def _answer_all(self) -> None:
        if not self._calls or len(self._calls) < self._present or self.ended:
            return
        calls, self._calls = self._calls, []
        try:
            self._answer(calls, self.check)
        except BaseException as error:
            for call in calls:
                call.error = error
        for call in calls:
            call.answered = True
        self._changed.notify_all()
