"""What is told while bars are on the terminal."""

from __future__ import annotations

import os
import pty
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from neuralib.cli.bars import Row, open_bars
from neuralib.cli.cluster import rows
from neuralib.cli.console import complain, note


@contextmanager
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], str]]:
    """Make standard error a terminal until its text is asked for."""
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "w") as file:
        monkeypatch.setattr(sys, "stderr", file)
        monkeypatch.setenv("TERM", "xterm")

        def read() -> str:
            monkeypatch.undo()
            file.close()
            return re.sub(r"\x1b\[(\?25[hl]|[\d;]*m|2K)", "", read_all(ours))

        try:
            yield read
        finally:
            monkeypatch.undo()
            os.close(ours)


@pytest.mark.parametrize("tell", [note, complain])
def test_a_line_is_above_the_bars(
    tell: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    with terminal(monkeypatch) as read:
        with open_bars(enabled=True) as bar:
            Row(bar, "song.wav").show("sending", 0.5)
            assert bar
            bar.refresh()
            tell("something is wrong")
        shown = read()
    assert re.search("sending +song.wav", shown)
    line = next(line for line in re.split(r"[\r\n]+|\x1b\[\d*[AK]", shown) if "wrong" in line)
    assert line.strip() in ("something is wrong", "error: something is wrong")


@pytest.mark.parametrize("label", ["song.wav", "a name that is far longer than the line"])
def test_numbers_have_room_in_a_narrow_terminal(
    label: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "44")
    with terminal(monkeypatch) as read:
        with open_bars(enabled=True) as bar:
            Row(bar, label).show("computing", 0.5, 3725)
            assert bar
            bar.refresh()
        line = next(line for line in re.split(r"[\r\n]+", read()) if "computing" in line)
    assert re.search(r"computing .*━.* 50% 1:02:05 left *$", line)
    assert len(line) <= 41


def test_a_file_on_its_way_tells_the_time_left(monkeypatch: pytest.MonkeyPatch) -> None:
    class Clock:
        now = 0.0

        def monotonic(self) -> float:
            return self.now

    clock = Clock()
    monkeypatch.setattr(rows, "time", clock)
    with terminal(monkeypatch), rows.progress_rows(enabled=True) as shown:
        row = shown.row("song.wav")
        for verb in ("sending", "fetching"):
            for part in (0.0, 0.25, 0.5):
                row.moved(verb, part)
                clock.now += 20.0
            assert shown._bar
            assert shown._bar.tasks[0].fields["left"] == "0:40 left"
        row.end()


def read_all(descriptor: int) -> str:
    shown = b""
    while True:
        try:
            block = os.read(descriptor, 4096)
        except OSError:  # Linux: the other end is closed
            break
        if not block:
            break
        shown += block
    return shown.decode()
