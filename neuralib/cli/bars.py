"""Several bars on standard error, which step aside for what is printed on the same terminal."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING

from neuralib.cli.console import printable

if TYPE_CHECKING:
    from rich.progress import Progress as Bar
    from rich.progress import TaskID


@contextmanager
def open_bars(*, enabled: bool, fields: Sequence[str] = ("left",)) -> Iterator[Bar | None]:
    """Show bars while the context lasts; None where standard error is no terminal.

    Each shows the field `verb` of its task before its name, and `fields` behind its bar. They may
    be used from several threads.
    """
    if not enabled or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console, RenderableType
    from rich.constrain import Constrain
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn
    from rich.table import Column

    console = Console(stderr=True)

    class Narrow(Progress):
        """Leaves room for the `^C` of a terminal, which would begin a line otherwise."""

        def get_renderable(self) -> RenderableType:
            return Constrain(super().get_renderable(), console.width - 3)

    bar = Narrow(
        TextColumn("{task.fields[verb]:>9}"),
        # Names and bars share what the numbers leave: a long name hides none.
        TextColumn("[bold]{task.description}", table_column=Column(ratio=2, no_wrap=True)),
        BarColumn(bar_width=None, table_column=Column(ratio=1)),
        TaskProgressColumn(),
        *(TextColumn(f"{{task.fields[{field}]}}", justify="right") for field in fields),
        console=console,
        expand=True,
        redirect_stdout=False,
        transient=True,
    )
    with bar:
        yield bar


@contextmanager
def aside(bar: Bar | None) -> Iterator[None]:
    """Take the bars off the terminal while a result is printed on it."""
    if bar is None or not sys.stdout.isatty():
        yield
        return
    with _whole():
        bar.stop()
    try:
        yield
    finally:
        with _whole():
            bar.start()


class Row:
    """The bar of one input; of nothing where none is drawn."""

    def __init__(self, bar: Bar | None, label: str) -> None:
        self._bar = bar
        self._label = label
        self._id: TaskID | None = None

    def show(
        self, verb: str, fraction: float | None = None, eta_seconds: float | None = None
    ) -> None:
        """Say what happens to the input now, and how far it is (0 to 1; None: nobody knows)."""
        if self._bar is None:
            return
        from rich.markup import escape

        if self._id is None:
            label = escape(printable(self._label))
            self._id = self._bar.add_task(label, total=None, verb="", left="")
        left = "" if eta_seconds is None else f"{clock(eta_seconds)} left"
        total = None if fraction is None else 1.0
        self._bar.update(self._id, completed=fraction or 0.0, total=total, verb=verb, left=left)

    @property
    def is_shown(self) -> bool:
        """Whether it is on the terminal."""
        return self._id is not None

    def end(self) -> None:
        """Take the bar away."""
        if self._bar is not None and self._id is not None:
            self._bar.remove_task(self._id)
            self._id = None


@contextmanager
def _whole() -> Iterator[None]:
    """Let a Ctrl-C wait for the end of the block: rich cannot stop bars that are half started."""
    caught: list[tuple[int, FrameType | None]] = []
    before = signal.signal(signal.SIGINT, lambda number, frame: caught.append((number, frame)))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if caught and callable(before):
        before(*caught[0])


def clock(seconds: float) -> str:
    """Write a duration as a clock does: `0:07`, `1:02:03`."""
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"
