"""From the stages of a task to one number that only grows, and the time that is left."""

from __future__ import annotations

import time
from collections.abc import Callable

from neuralib.progress import Progress, Stage

_MEASURE_SHARE = 0.05
"""Part of the whole that a first pass is taken for, while nothing is known of the model's pace."""

_LEAST_SECONDS = 1.0
_LEAST_FRACTION = 0.02
_ENOUGH_SECONDS = 10.0
"""What has to be behind of a stage before the rest is estimated: this part, or so much time."""

_SETTLE_SECONDS = 5.0
"""So long it takes at most until the time left that is told is the one that is estimated."""


class Meter:
    """Tells how much of a run is done, and how long the rest will take.

    What is done is the time that went by, as a part of all the time that the run will have
    taken; so one second is as much of the whole in each stage. Loading a model does not count.

    Args:
        clock: gives seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._started: float | None = None
        self._stage: Stage | None = None
        self._speed = _Speed(0.0, 0.0, None)
        self._share = 0.0
        self._later_seconds = 0.0
        self._told_at = 0.0
        self.fraction = 0.0
        """0 to 1; never less than before."""
        self.eta_seconds: float | None = None
        """None while nobody knows."""

    def take(self, progress: Progress) -> None:
        """Take note of what a task reports."""
        if progress.stage == "load":
            return
        now = self._clock()
        done = progress.fraction
        if self._started is None:
            self._started = now
        if progress.stage != self._stage:
            self._begin(progress.stage, done or 0.0, now)
        self._later_seconds = progress.later_seconds
        if done is None:
            return
        if progress.stage == "measure":
            self._share = _MEASURE_SHARE
            self._grow(done * self._share)
            return
        self.eta_seconds = self._settled(self._left(done, now), now)
        if self.eta_seconds is None:
            known = 0.9 if progress.later_seconds else 1.0
            self._grow((self._share + done * (1 - self._share)) * known)
        else:
            elapsed = now - self._started
            whole = elapsed + self.eta_seconds
            self._grow(elapsed / whole if whole else 1.0)

    def _begin(self, stage: Stage, done: float, now: float) -> None:
        self._stage = stage
        # The first report comes when something is done already; how long it took nobody knows.
        self._speed = _Speed(now, done, self._later_seconds or None)

    def _left(self, done: float, now: float) -> float | None:
        self._speed.take(now, done)
        left = self._speed.left()
        return None if left is None else left + self._later_seconds

    def _settled(self, left: float | None, now: float) -> float | None:
        """Let what is told follow an estimate within seconds, for that trembles as reports come."""
        gone = now - self._told_at
        self._told_at = now
        if not left or self.eta_seconds is None:
            return left
        expected = max(self.eta_seconds - gone, 0.0)
        share = min(gone / min(_SETTLE_SECONDS, left / 10), 1.0)
        return expected + share * (left - expected)

    def _grow(self, fraction: float) -> None:
        self.fraction = min(max(self.fraction, fraction), 1.0)


class _Speed:
    """How fast a stage is, and so how much of its time is left.

    A moment counts the more the later it is in the stage (by the seconds since its start): a slow
    start is soon forgotten, and yet no moment is more than a small part of what is behind.

    Args:
        now: when the stage begins, in seconds.
        done: the part of it that is done then.
        expected_seconds: what it was thought to take, which counts like a quarter of it that went
            as fast beforehand; None: nobody knows.
    """

    def __init__(self, now: float, done: float, expected_seconds: float | None) -> None:
        before = (expected_seconds or 0.0) / 4
        self._zero = now - before
        self._first = self._done = done
        self._started = self._now = now
        self._weights = before**2 / 2  # the integral of the time since `zero`
        self._parts = before / 8  # that of the same times the speed
        self._is_expected = expected_seconds is not None

    def take(self, now: float, done: float) -> None:
        """Take note of how much is done."""
        begin, end = self._now - self._zero, now - self._zero
        self._weights += (end**2 - begin**2) / 2
        self._parts += (done - self._done) * (begin + end) / 2
        self._now, self._done = now, done

    def left(self) -> float | None:
        """Give the seconds that the rest will take; None while nobody knows."""
        spent, part = self._now - self._started, self._done - self._first
        enough = part >= _LEAST_FRACTION or (part > 0 and spent >= _ENOUGH_SECONDS)
        if self._done >= 1:
            return 0.0
        if not self._is_expected and not (enough and spent >= _LEAST_SECONDS):
            return None
        if not self._parts:  # all of it came in the first moment
            return None
        return (1 - self._done) * self._weights / self._parts
