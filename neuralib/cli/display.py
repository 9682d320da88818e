"""A progress bar on standard error, where that is a terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from neuralib.cli.bars import clock, open_bars
from neuralib.cli.console import printable
from neuralib.meter import Meter
from neuralib.progress import Progress, Report, Stage, silent

if TYPE_CHECKING:
    from neuralib.models.transfer import Transfer, TransferReport

VERBS: dict[Stage, str] = {
    "load": "loading",
    "measure": "reading",
    "run": "computing",
    "write": "writing",
}


@contextmanager
def progress_bar(label: str, *, enabled: bool) -> Iterator[Report]:
    """Show a bar for one input while the context lasts; give what reports to it.

    The bar tells percent of the time that all stages take, speed as a multiple of real time, and
    time left; nothing is drawn where standard error is not a terminal.
    """
    with open_bars(enabled=enabled, fields=("speed", "left")) as bar:
        if bar is None:
            yield silent
            return
        from rich.markup import escape

        meter = Meter()
        row = bar.add_task(escape(printable(label)), total=None, verb="", speed="", left="")
        stage: Stage | None = None
        started = time.monotonic()

        def report(progress: Progress) -> None:
            nonlocal stage, started
            if progress.stage != stage:
                stage, started = progress.stage, time.monotonic()
            meter.take(progress)
            elapsed = time.monotonic() - started
            speed = f"{progress.done_seconds / elapsed:.1f}x" if elapsed > 0.5 else ""
            left = "" if meter.eta_seconds is None else f"{clock(meter.eta_seconds)} left"
            bar.update(
                row,
                completed=meter.fraction,
                total=None if progress.fraction is None else 1.0,
                verb=VERBS[progress.stage],
                speed=speed,
                left=left,
            )

        yield report


@contextmanager
def transfer_bar(*, enabled: bool) -> Iterator[TransferReport]:
    """Show how many bytes of a checkpoint are here; give what reports to it."""
    from neuralib.models.transfer import unheard

    if not enabled or not sys.stderr.isatty():
        yield unheard
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, TimeRemainingColumn, TransferSpeedColumn
    from rich.progress import Progress as Bar

    bar = Bar(
        "{task.description}",
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(compact=True),
        console=Console(stderr=True),
        redirect_stdout=False,
        transient=True,
    )
    with bar:
        rows = {}

        def report(transfer: Transfer) -> None:
            if transfer.file not in rows:
                rows[transfer.file] = bar.add_task(transfer.file)
            bar.update(
                rows[transfer.file], completed=transfer.done_bytes, total=transfer.total_bytes
            )

        yield report
