from __future__ import annotations

import pytest

from neuralib.meter import Meter
from neuralib.progress import Progress


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
    # 100 s of 120 s are behind, for a second of measuring is as long as any.
    assert meter.fraction == pytest.approx(105 / 120)


def test_the_first_output_does_not_make_a_run_look_fast() -> None:
    """A model tells nothing until its first segment is done."""
    clock = Clock()
    meter = Meter(clock)
    meter.take(Progress("run", 8.0, 800.0))
    clock.now = 12.0
    meter.take(Progress("run", 16.0, 800.0))
    assert meter.eta_seconds == pytest.approx(12 * 98)


def test_what_comes_later_is_part_of_the_whole() -> None:
    clock = Clock()
    meter = Meter(clock)
    meter.take(Progress("run", 0.0, 10.0))
    clock.now = 10.0
    meter.take(Progress("run", 10.0, 10.0, later_seconds=30.0))
    assert (meter.fraction, meter.eta_seconds) == (0.25, 30.0)
    clock.now = 10.5
    meter.take(Progress("write", 0.1, 30.0))
    assert meter.eta_seconds == pytest.approx(30.0)
    clock.now = 20.0
    meter.take(Progress("write", 15.0, 30.0))
    assert meter.eta_seconds == pytest.approx(9.5, abs=0.1)
    clock.now = 30.0
    meter.take(Progress("write", 30.0, 30.0))
    assert (meter.fraction, meter.eta_seconds) == (1.0, 0.0)


@pytest.mark.parametrize("measuring", [0.0, 30.0])
@pytest.mark.parametrize("running", [100.0, 600.0, 7200.0])
@pytest.mark.parametrize("writing", [0.0, 20.0, 400.0])
@pytest.mark.parametrize("told", [0.85, 1.0, 1.15])
def test_time_left_is_right_after_the_first_minute(
    measuring: float, running: float, writing: float, told: float
) -> None:
    """Also where nobody knows exactly how long the stage after the model takes."""
    clock = Clock()
    meter = Meter(clock)
    total = measuring + running + writing
    seen = []
    while clock.now < total:
        at = clock.now
        if at < measuring:
            meter.take(Progress("measure", at, measuring))
        elif at < measuring + running:
            meter.take(Progress("run", at - measuring, running, writing * told))
        else:
            meter.take(Progress("write", at - measuring - running, writing or 1.0))
        seen.append((at, meter.fraction, meter.eta_seconds))
        clock.now += 5.0
    fractions = [fraction for _, fraction, _ in seen]
    assert fractions == sorted(fractions)
    for at, fraction, eta in seen:
        if at < 60:
            continue
        assert eta is not None
        assert abs(eta - (total - at)) <= 0.2 * max(total - at, 30.0), (at, eta)
        assert abs(fraction - at / total) < 0.1
