"""One run of one job, as far as its worker knows."""

from __future__ import annotations

import logging
import time
from enum import Enum

from neuralib.errors import Cancelled, TimeLimitExceeded
from neuralib.jobs.claim import Claim
from neuralib.jobs.job import JobError
from neuralib.jobs.runs import LEASE_SECONDS

BEAT_SECONDS = 5.0
"""Time between two renewals of a lease."""

_AGAIN_SECONDS = 1.0
_SURE_SECONDS = LEASE_SECONDS - BEAT_SECONDS
"""A lease that was renewed less than this ago is still held; after that, who knows."""

_LOG = logging.getLogger(__name__)


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
        self.beat_at = float("inf")
        """When the lease is to be renewed next, on the monotonic clock."""
        self.ends_at = float("inf")
        """When its time is up, on the same clock."""
        self._missed = False
        self._sure_until = 0.0

    @property
    def may_tell(self) -> bool:
        """It goes on, and certainly no other worker was given the job meanwhile."""
        return self.why is None and time.monotonic() < self._sure_until

    def begin(self, claim: Claim) -> None:
        """Take note of the claim."""
        self.beat()
        self.claim = claim

    def beat(self) -> None:
        """Take note of a lease that was renewed."""
        self.beat_at = time.monotonic() + BEAT_SECONDS
        self._sure_until = time.monotonic() + _SURE_SECONDS
        self._missed = False

    def miss_beat(self, reason: str) -> None:
        """Take note of a lease that could not be renewed; say so at the first time."""
        self.beat_at = time.monotonic() + _AGAIN_SECONDS
        if not self._missed:
            _LOG.warning(
                "could not renew the lease of job %s, trying again: %s",
                *(self.job_id, reason),
                extra={"action": "lease.missed", "job_id": self.job_id},
            )
        self._missed = True

    def end(self, why: Why) -> None:
        """Ask it to end."""
        if self.why is None:
            self.why = why

    def error(self, timeout_seconds: float) -> JobError:
        """Say what it failed by where it did not end as it should.

        Args:
            timeout_seconds: the longest run that is allowed.
        """
        error: Cancelled | TimeLimitExceeded = Cancelled("the run was stopped on its worker")
        if self.why is Why.TIME_LIMIT:
            error = TimeLimitExceeded(
                f"the job ran longer than the {timeout_seconds:g} seconds that the cluster "
                "allows; split the recording, or let NEURALIB_JOB_TIMEOUT_SECONDS be raised there"
            )
        return JobError(code=error.code, message=error.message)
