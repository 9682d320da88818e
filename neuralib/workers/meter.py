"""From the stages of a task to one number that only grows."""

from __future__ import annotations

import time
from collections.abc import Callable

from neuralib.progress import Progress

_MEASURE_SHARE = 0.05
"""Part of the whole that a first decoding pass is, next to the model's run."""

_LEAST_FRACTION = 0.02
_LEAST_SECONDS = 1.0
"""What has to be behind before the rest is estimated."""


class Meter:
    """Tells how much of a run is done, and how long the rest will take.

    Args:
        clock: gives seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._share = 0.0
        self._since: float | None = None
        self.fraction = 0.0
        """0 to 1; never less than before."""
        self.eta_seconds: float | None = None

    def take(self, progress: Progress) -> None:
        """Take note of what a task reports."""
        done = progress.fraction
        if progress.stage == "measure" and done is not None:
            self._share = _MEASURE_SHARE
            self._grow(done * self._share)
        if progress.stage == "run":
            self._run(done)

    def _run(self, done: float | None) -> None:
        now = self._clock()
        if self._since is None:
            self._since = now
        if done is None:
            return
        self._grow(self._share + done * (1 - self._share))
        spent = now - self._since
        if done >= _LEAST_FRACTION and spent >= _LEAST_SECONDS:
            self.eta_seconds = spent / done * (1 - done)

    def _grow(self, fraction: float) -> None:
        self.fraction = min(max(self.fraction, fraction), 1.0)
