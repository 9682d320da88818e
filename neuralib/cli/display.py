"""A progress bar on standard error, where that is a terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from neuralib.cli.console import printable
from neuralib.progress import Progress, Report, Stage, silent

_VERBS: dict[Stage, str] = {
    "load": "loading",
    "measure": "reading",
    "run": "computing",
    "write": "writing",
}


@contextmanager
def progress_bar(label: str, *, enabled: bool) -> Iterator[Report]:
    """Show a bar for one input while the context lasts; give what reports to it.

    The bar tells percent, speed as a multiple of real time, and time left; nothing is drawn
    where standard error is not a terminal.
    """
    if not enabled or not sys.stderr.isatty():
        yield silent
        return
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    bar = Bar(
        TextColumn("{task.fields[verb]:>9} [bold]{task.description}", markup=True),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[speed]:>7}"),
        TimeRemainingColumn(compact=True),
        console=Console(stderr=True),
        redirect_stdout=False,
        transient=True,
    )
    with bar:
        row = bar.add_task(escape(printable(label)), total=None, verb="", speed="")
        stage: Stage | None = None
        started = time.monotonic()

        def report(progress: Progress) -> None:
            nonlocal stage, started
            if progress.stage != stage:
                stage, started = progress.stage, time.monotonic()
                bar.reset(row, total=progress.total_seconds)
            elapsed = time.monotonic() - started
            speed = f"{progress.done_seconds / elapsed:.1f}x" if elapsed > 0.5 else ""
            bar.update(
                row,
                completed=progress.done_seconds,
                total=progress.total_seconds,
                verb=_VERBS[progress.stage],
                speed=speed,
            )

        yield report
