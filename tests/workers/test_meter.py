from __future__ import annotations

import pytest

from neuralib.progress import Progress
from neuralib.workers.meter import Meter


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_task_that_only_runs_goes_from_nothing_to_all() -> None:
    meter = Meter()
    found = []
    for done in (0.0, 2.5, 10.0):
        meter.take(Progress("run", done, 10.0))
        found.append(meter.fraction)
    assert found == [0.0, 0.25, 1.0]


def test_measuring_counts_little_and_nothing_ever_goes_back() -> None:
    meter = Meter()
    found = []
    for stage, done in [("load", 0), ("measure", 5), ("measure", 10), ("run", 0), ("run", 5)]:
        meter.take(Progress(stage, done, 10.0))  # type: ignore[arg-type]  # literals in a list
        found.append(meter.fraction)
    assert found == sorted(found)
    assert 0 < found[1] < found[2] < 0.1
    assert 0.5 < meter.fraction < 0.55
    meter.take(Progress("run", 10.0, 10.0))
    assert meter.fraction == 1.0


def test_what_has_no_known_length_makes_no_progress() -> None:
    meter = Meter()
    meter.take(Progress("measure", 5.0, None))
    meter.take(Progress("run", 5.0, None))
    assert (meter.fraction, meter.eta_seconds) == (0.0, None)


def test_the_rest_is_estimated_from_the_run_alone() -> None:
    clock = Clock()
    meter = Meter(clock)
    meter.take(Progress("measure", 10.0, 10.0))
    clock.now = 100.0
    meter.take(Progress("run", 0.0, 10.0))
    clock.now = 100.5
    meter.take(Progress("run", 0.5, 10.0))
    assert meter.eta_seconds is None
    clock.now = 105.0
    meter.take(Progress("run", 2.5, 10.0))
    assert meter.eta_seconds == pytest.approx(15.0)
