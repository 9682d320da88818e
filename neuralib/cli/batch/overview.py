"""How far a batch is: one bar for all inputs, and one for each that takes its time."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING

from neuralib.cli import bars
from neuralib.cli.batch.inputs import Input
from neuralib.cli.console import printable
from neuralib.cli.display import VERBS
from neuralib.meter import Meter
from neuralib.progress import Progress, Report, Stage, silent

if TYPE_CHECKING:
    from rich.progress import Progress as Bar

_LONG_SECONDS = 1.0
"""Inputs that are done sooner have no bar of their own: a thousand of them would only flicker."""
_REST_SECONDS = 0.1


class Overview:
    """The bars of a batch; of nothing where none are drawn. Several threads may use it.

    The time left goes by bytes, for nothing else is known of inputs that nobody has opened.
    """

    def __init__(self, bar: Bar | None, inputs: Sequence[Input]) -> None:
        self._bar = bar
        self._inputs = inputs
        self._sizes = [_size(entry) if bar else 0 for entry in inputs]
        self._lock = threading.Lock()
        self._running: dict[int, _Row] = {}
        self._done = self._done_bytes = self._skipped_bytes = 0
        self._started: float | None = None
        self._shown = 0.0
        if bar:
            self._id = bar.add_task("", total=max(sum(self._sizes), 1), verb="", left="")

    @contextmanager
    def input(self, number: int) -> Iterator[Report]:
        """Show one input, counted from 0, while the context lasts; give what reports to it."""
        if self._bar is None:
            yield silent
            return
        row = _Row(self._bar, f"{number + 1}/{len(self._inputs)} {self._inputs[number].label}")
        with self._lock:
            self._running[number] = row

        def report(progress: Progress) -> None:
            row.report(progress)
            with self._lock:
                if self._started is None and progress.stage != "load":
                    self._started = time.monotonic()
                self._show()

        try:
            yield report
        finally:
            row.end()
            with self._lock:
                del self._running[number]
                self._done += 1
                self._done_bytes += self._sizes[number]
                if not row.stage:  # nobody had to open it
                    self._skipped_bytes += self._sizes[number]
                self._show()

    def aside(self) -> AbstractContextManager[None]:
        """Take the bars off the terminal while a result is printed on it."""
        return bars.aside(self._bar)

    def _show(self) -> None:
        now = time.monotonic()
        if self._bar is None or now - self._shown < _REST_SECONDS:
            return
        from rich.markup import escape

        self._shown = now
        done = self._done_bytes + sum(
            self._sizes[number] * row.fraction for number, row in self._running.items()
        )
        hidden = [number for number, row in self._running.items() if not row.is_shown]
        name = self._inputs[hidden[0]].path.name if hidden else ""
        self._bar.update(
            self._id,
            completed=done,
            verb=f"{self._done}/{len(self._inputs)}",
            description=escape(printable(name)),
            left=self._left(done, now),
        )

    def _left(self, done: float, now: float) -> str:
        computed = done - self._skipped_bytes
        if self._started is None or computed <= 0 or now - self._started < _LONG_SECONDS:
            return ""
        seconds = (sum(self._sizes) - done) * (now - self._started) / computed
        return f"{bars.clock(seconds)} left"


class _Row(bars.Row):
    """The bar of one input, which appears when computing has taken a while."""

    def __init__(self, bar: Bar, label: str) -> None:
        super().__init__(bar, label)
        self.stage: Stage | None = None
        self._meter = Meter()
        self._since: float | None = None

    @property
    def fraction(self) -> float:
        """The part that is done, 0 to 1."""
        return self._meter.fraction

    def report(self, progress: Progress) -> None:
        """Take note of what a run reports."""
        self.stage = progress.stage
        if progress.stage not in ("run", "write"):
            return  # what was read may have to wait for its turn, and that is no work
        self._meter.take(progress)
        now = time.monotonic()
        self._since = self._since or now
        if now - self._since > _LONG_SECONDS:
            known = progress.fraction is not None
            self.show(
                VERBS[progress.stage], self.fraction if known else None, self._meter.eta_seconds
            )


@contextmanager
def overview(inputs: Sequence[Input], *, enabled: bool) -> Iterator[Overview]:
    """Show how far a batch is while the context lasts, where standard error is a terminal."""
    with bars.open_bars(enabled=enabled) as bar:
        yield Overview(bar, inputs)


def _size(entry: Input) -> int:
    try:
        return os.stat(entry.path).st_size
    except OSError:
        return 0
