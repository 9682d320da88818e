"""One run of one job, as far as its worker knows."""

from __future__ import annotations

import time
from enum import Enum

from neuralib.jobs.claim import Claim

BEAT_SECONDS = 5.0
"""Time between two renewals of a lease."""


class Why(Enum):
    """Why a run is to end before it is done."""

    STOPPED = "it was stopped"
    LOST = "its lease is lost"
    TIME_LIMIT = "its time is up"
    LEAVING = "this worker leaves"


class Run:
    """What threads of one worker tell each other about the run; the first reason to end counts."""

    def __init__(self, job_id: str) -> None:
        self.job_id = job_id
        self.claim: Claim | None = None
        """None until the job is claimed."""
        self.why: Why | None = None
        """Why it is to end early; None while it may go on."""
        self.progress = 0.0
        """0 to 1."""
        self.beaten_at = 0.0
        """When the lease was last renewed, on the monotonic clock."""

    def begin(self, claim: Claim) -> None:
        """Take note of the claim."""
        self.beaten_at = time.monotonic()
        self.claim = claim

    def end(self, why: Why) -> None:
        """Ask it to end."""
        if self.why is None:
            self.why = why
