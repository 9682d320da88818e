"""A few threads that go through a list together, and stop together."""

from __future__ import annotations

import contextlib
import ctypes
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from types import TracebackType
from typing import Generic, TypeVar

from neuralib.errors import Cancelled
from neuralib.progress import Progress, Report

Item = TypeVar("Item")
Outcome = TypeVar("Outcome")

_LOOK_SECONDS = 0.1
"""How often the main thread looks up from its wait: on Windows no Ctrl-C would end it, and to wake
it for each of many short items, and to take bars off the terminal for each, would cost much."""


class Crew(Generic[Item, Outcome]):
    """Works on several items at a time; used as a context, which no thread outlives.

    Args:
        hands: number of threads.
        items: what there is to do; begun in this order.
        work: does one, given its number (from 0) and itself, in a thread of the crew. What it
            raises ends the work on all.
    """

    def __init__(
        self, hands: int, items: Sequence[Item], work: Callable[[int, Item], Outcome]
    ) -> None:
        self._work = work
        self._count = len(items)
        self._left: Iterator[tuple[int, Item]] = enumerate(items)
        self._outcomes: dict[int, Outcome | BaseException] = {}
        self._missing = self._count
        self._changed = threading.Condition()
        self._at_work: set[int] = set()
        self._stopped = False
        self._threads = [threading.Thread(target=self._toil) for _ in range(min(hands, len(items)))]

    def __enter__(self) -> Crew[Item, Outcome]:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with _interrupts_unsaid():
            with self._changed:
                self._stopped = True
                for thread_id in self._at_work:
                    _interrupt(thread_id)
            for thread in self._threads:
                if thread.ident is not None:  # it was started
                    thread.join()

    def outcomes(self) -> Iterator[list[Outcome]]:
        """Begin; give what became of the items, in their order, a few times a second.

        Raises:
            BaseException: what the work on an item raised, in the place of its outcome.
        """
        for thread in self._threads:
            thread.start()
        told = 0
        while told < self._count:
            outcomes = self._known(told)
            good = [each for each in outcomes if not isinstance(each, BaseException)]
            if good:
                yield good
            if len(good) < len(outcomes):
                raise next(each for each in outcomes if isinstance(each, BaseException))
            told += len(good)

    def _known(self, first: int) -> list[Outcome | BaseException]:
        """Wait for the outcome of the item `first`; give it, and those that follow it."""
        outcomes: list[Outcome | BaseException] = []
        with self._changed:
            while self._missing:
                self._changed.wait(_LOOK_SECONDS)
                if first in self._outcomes:
                    break
            while first + len(outcomes) in self._outcomes:
                outcomes.append(self._outcomes.pop(first + len(outcomes)))
        return outcomes

    def watched(self, report: Report) -> Report:
        """Make a listener that also ends a run, by `Cancelled`, where the crew was stopped."""

        def watched(progress: Progress) -> None:
            if self._stopped:
                raise Cancelled("interrupted")
            report(progress)

        return watched

    def _toil(self) -> None:
        with contextlib.suppress(KeyboardInterrupt):  # of which there is one a thread
            while (task := self._take()) is not None:
                number, item = task
                outcome: Outcome | BaseException
                try:
                    outcome = self._work(number, item)
                except BaseException as error:
                    outcome = error
                self._give(number, outcome)

    def _take(self) -> tuple[int, Item] | None:
        with self._changed:
            task = None if self._stopped else next(self._left, None)
            if task is not None:
                self._at_work.add(threading.get_ident())
            return task

    def _give(self, number: int, outcome: Outcome | BaseException) -> None:
        with self._changed:
            self._at_work.discard(threading.get_ident())
            self._outcomes[number] = outcome
            self._missing -= 1
            if isinstance(outcome, BaseException):
                self._left = iter(())
            if not self._missing:
                self._changed.notify_all()


@contextlib.contextmanager
def _interrupts_unsaid() -> Iterator[None]:
    """Print no KeyboardInterrupt that was raised where nobody can take it.

    It may reach a thread on the first step of what FFmpeg calls to write a file, of which PyAV
    prints the traceback; the thread then ends at its next report.
    """
    say, say_unraisable = sys.excepthook, sys.unraisablehook

    def excepthook(
        kind: type[BaseException], error: BaseException, trace: TracebackType | None
    ) -> None:
        if not issubclass(kind, KeyboardInterrupt):
            say(kind, error, trace)

    def unraisablehook(found: sys.UnraisableHookArgs) -> None:
        if not issubclass(found.exc_type, KeyboardInterrupt):
            say_unraisable(found)

    sys.excepthook, sys.unraisablehook = excepthook, unraisablehook
    try:
        yield
    finally:
        sys.excepthook, sys.unraisablehook = say, say_unraisable


def _interrupt(thread_id: int) -> None:
    """Raise KeyboardInterrupt in another thread as Ctrl-C does in the main one.

    So a run ends as soon here as there, and cleans up in the same way; to wait for its next
    report would take as long as a model takes for a segment.
    """
    ctypes.pythonapi.PyThreadState_SetAsyncExc(
        ctypes.c_ulong(thread_id), ctypes.py_object(KeyboardInterrupt)
    )
