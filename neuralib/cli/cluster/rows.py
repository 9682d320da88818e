"""A progress bar for each job that is waited for, on standard error, where that is a terminal."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING

from neuralib.cli import bars
from neuralib.meter import Meter
from neuralib.progress import Progress

if TYPE_CHECKING:
    from rich.progress import Progress as Bar

    from neuralib.events.event import Event


class Row(bars.Row):
    """The bar of one job's input."""

    _moving = ""

    def moved(self, verb: str, fraction: float) -> None:
        """Show how much of a file went there, or came back, and how long the rest will take."""
        if verb != self._moving:
            self._moving, self._meter = verb, Meter(time.monotonic)
        self._meter.take(Progress("run", fraction, 1.0))
        self.show(verb, fraction, self._meter.eta_seconds)

    def event(self, event: Event) -> None:
        """Show what an event tells."""
        if event.state == "running":
            if event.progress > 0:
                self.show("computing", event.progress, event.eta_seconds)
            else:
                self.show("loading")
        else:
            self.show(event.state)


class Rows:
    """The bars of several inputs."""

    def __init__(self, bar: Bar | None) -> None:
        self._bar = bar

    def row(self, label: str) -> Row:
        """Make a bar, which appears when it first has something to show."""
        return Row(self._bar, label)

    def aside(self) -> AbstractContextManager[None]:
        """Take the bars off the terminal while a result is printed on it."""
        return bars.aside(self._bar)

    def end(self) -> None:
        """Leave the terminal to others."""
        if self._bar is not None:
            self._bar.stop()


@contextmanager
def progress_rows(*, enabled: bool) -> Iterator[Rows]:
    """Show bars while the context lasts; may be used from several threads."""
    with bars.open_bars(enabled=enabled) as bar:
        yield Rows(bar)
