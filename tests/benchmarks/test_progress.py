"""What the benchmark says of a run whose time left is known."""

from __future__ import annotations

import pytest

from benchmarks.progress import Told, show


def test_the_worst_after_the_first_minute_and_at_the_end_is_told(
    capsys: pytest.CaptureFixture[str],
) -> None:
    told = [
        Told(0.0, "load", 0.0, None),
        Told(30.0, "run", 0.1, 700.0),  # within the first minute
        Told(100.0, "run", 0.3, 270.0),  # of 300 s
        Told(300.0, "write", 0.7, 120.0),  # of 100 s
        Told(390.0, "write", 0.9, 2.0),  # of 10 s
    ]
    show(told, 400.0)
    shown = capsys.readouterr().out
    assert "from the first minute to the last tenth: 20% off at most" in shown
    assert "in the last tenth: 8 s off at most" in shown
