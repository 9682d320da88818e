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
        self._stage_started = 0.0
        self._stage_done = 0.0
        self._share = 0.0
        self._later_seconds = 0.0
        self._expected_seconds: float | None = None
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
        self.eta_seconds = self._left(done, now)
        if self.eta_seconds is None:
            known = 0.9 if progress.later_seconds else 1.0
            self._grow((self._share + done * (1 - self._share)) * known)
        else:
            elapsed = now - self._started
            whole = elapsed + self.eta_seconds
            self._grow(elapsed / whole if whole else 1.0)

    def _begin(self, stage: Stage, done: float, now: float) -> None:
        self._expected_seconds = self._later_seconds or None
        self._stage, self._stage_started = stage, now
        # The first report comes when something is done already; how long it took nobody knows.
        self._stage_done = done

    def _left(self, done: float, now: float) -> float | None:
        if done >= 1:
            return self._later_seconds
        spent, part = now - self._stage_started, done - self._stage_done
        enough = part >= _LEAST_FRACTION or (part > 0 and spent >= _ENOUGH_SECONDS)
        if enough and spent >= _LEAST_SECONDS:
            return spent / part * (1 - done) + self._later_seconds
        if self._expected_seconds is not None:
            return max(self._expected_seconds - spent, 0.0) + self._later_seconds
        return None

    def _grow(self, fraction: float) -> None:
        self.fraction = min(max(self.fraction, fraction), 1.0)
