"""What is told while bars are on the terminal."""

from __future__ import annotations

import os
import pty
import re
import sys
from collections.abc import Callable

import pytest

from neuralib.cli.bars import Row, open_bars
from neuralib.cli.console import complain, note


@pytest.mark.parametrize("tell", [note, complain])
def test_a_line_is_above_the_bars(
    tell: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "w") as terminal:
        monkeypatch.setattr(sys, "stderr", terminal)
        monkeypatch.setenv("TERM", "xterm")
        with open_bars(enabled=True) as bar:
            Row(bar, "song.wav").show("sending", 0.5)
            assert bar
            bar.refresh()
            tell("something is wrong")
        monkeypatch.undo()
    shown = re.sub(r"\x1b\[(\?25[hl]|[\d;]*m)", "", read_all(ours))
    assert "sending song.wav" in shown
    line = next(line for line in re.split(r"[\r\n]+|\x1b\[\d*[AK]", shown) if "wrong" in line)
    assert line.strip() in ("something is wrong", "error: something is wrong")


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
    os.close(descriptor)
    return shown.decode()
