from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

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
    meter.take(Progress("run", 5.0, 10.0))
    assert meter.eta_seconds == pytest.approx(5.0, abs=0.1)
    # 100 s of 110 s are behind, for a second of measuring is as long as any.
    assert meter.fraction == pytest.approx(105 / 110, abs=0.01)


def test_the_first_output_does_not_make_a_run_look_fast() -> None:
    """A model tells nothing until its first segment is done."""
    clock = Clock()
    meter = Meter(clock)
    meter.take(Progress("run", 8.0, 800.0))
    clock.now = 12.0
    meter.take(Progress("run", 16.0, 800.0))
    assert meter.eta_seconds == pytest.approx(12 * 98)


def test_a_run_that_begins_with_a_leap_is_not_yet_known() -> None:
    clock = Clock()
    meter = Meter(clock)
    meter.take(Progress("run", 0.0, 10.0))
    for clock.now in (0.0, 2.0, 20.0):
        meter.take(Progress("run", 5.0, 10.0))
        assert meter.eta_seconds is None


def test_what_comes_later_is_part_of_the_whole() -> None:
    clock = Clock()
    meter = Meter(clock)
    meter.take(Progress("run", 0.0, 10.0))
    clock.now = 10.0
    meter.take(Progress("run", 10.0, 10.0, later_seconds=30.0))
    assert (meter.fraction, meter.eta_seconds) == (0.25, 30.0)
    meter.take(Progress("write", 0.0, 30.0))
    assert meter.eta_seconds == pytest.approx(30.0)
    clock.now = 25.0
    meter.take(Progress("write", 15.0, 30.0))
    assert meter.eta_seconds == pytest.approx(15.0)
    clock.now = 40.0
    meter.take(Progress("write", 30.0, 30.0))
    assert (meter.fraction, meter.eta_seconds) == (1.0, 0.0)


@dataclass(frozen=True)
class Run:
    """A task on a machine of a steady pace, whose model tells something after each segment."""

    measuring: float
    running: float
    writing: float
    told: float = 1.0
    """What the run says of the time of writing, as a part of the truth."""
    warm_up: float = 0.0
    """So many seconds of the model are half as fast."""
    segment: float = 2.0
    """Seconds of work between reports of the model; two come at once, as it has two streams."""
    stall: float = 0.0
    """The part of writing in which nothing is reported, in two pieces: the disk catches up."""

    def reports(self) -> Iterator[tuple[float, Progress]]:
        """Give what is reported when."""
        at = 0.0
        while at < self.measuring:
            yield at, Progress("measure", at, self.measuring)
            at += 0.5
        done = 0.0
        at = self.measuring
        while done < self.running:
            at += self.segment * (2 if at - self.measuring < 2 * self.warm_up else 1)
            for _ in range(2):
                done = min(done + self.segment / 2, self.running)
                yield at, Progress("run", done, self.running, self.writing * self.told)
        spent = 0.0
        moving = self.writing * (1 - self.stall)
        while spent < moving:
            spent = min(spent + 0.5, moving)
            stalls = (spent > moving / 3) + (spent > moving * 2 / 3)
            now = at + spent + stalls * (self.writing - moving) / 2
            yield now, Progress("write", spent, moving)

    @property
    def total(self) -> float:
        return self.measuring + self.running + self.warm_up + self.writing


@pytest.mark.parametrize("measuring", [0.0, 30.0])
@pytest.mark.parametrize("running", [90.0, 600.0, 7200.0])
@pytest.mark.parametrize("writing", [0.0, 20.0, 400.0])
@pytest.mark.parametrize(("told", "stall"), [(0.85, 0.0), (1.0, 0.0), (1.15, 0.0), (1.0, 0.05)])
@pytest.mark.parametrize("warm_up", [0.0, 5.0])
def test_time_left_is_right_after_the_first_minute(
    measuring: float, running: float, writing: float, told: float, stall: float, warm_up: float
) -> None:
    """Also where nobody knows exactly how long the stage after the model takes."""
    clock = Clock()
    meter = Meter(clock)
    run = Run(measuring, running, writing, told, warm_up, stall=stall)
    total = run.total
    last: tuple[float, float] | None = None
    fraction = 0.0
    for at, progress in run.reports():
        clock.now = at
        meter.take(progress)
        assert meter.fraction >= fraction
        fraction = meter.fraction
        if at < 60:
            continue
        left, eta = total - at, meter.eta_seconds
        assert eta is not None
        assert abs(eta - left) <= 0.2 * max(left, 30.0), (at, eta, left)
        assert abs(fraction - at / total) < 0.1
        if last is not None and not stall:
            jump = eta - (last[1] - (at - last[0]))
            assert abs(jump) <= 0.05 * left + 1.5, (at, jump)
        last = at, eta
    assert (fraction, meter.eta_seconds) == (1.0, 0.0)


def test_a_machine_that_becomes_slower_is_believed_before_long() -> None:
    """Half of the speed after 300 of 1200 s of work: in 300 s more the time left is 20 % off."""
    clock = Clock()
    meter = Meter(clock)
    for second in range(601):
        clock.now = float(second)
        done = min(second, 300) + max(second - 300, 0) / 2
        meter.take(Progress("run", done, 1200.0))
    assert meter.eta_seconds == pytest.approx(2 * (1200 - 450), rel=0.21)


def test_a_stage_that_takes_longer_than_told_is_believed_before_long() -> None:
    """As on a machine that others use, where encoding was tried for a moment only."""
    clock = Clock()
    meter = Meter(clock)
    meter.take(Progress("run", 1.0, 1.0, later_seconds=20.0))
    for second in range(26):
        clock.now = float(second)
        meter.take(Progress("write", float(second), 50.0))
    assert meter.eta_seconds == pytest.approx(25.0, rel=0.2)
