"""The right of one worker to run one job."""

from __future__ import annotations

from dataclasses import dataclass

from neuralib.jobs.job import Job
from neuralib.jobs.sample import Sample


@dataclass(frozen=True)
class Claim:
    """A job that is `running`, for as long as its lease is renewed.

    Everything that the run does to the job names the lease; where another worker, a cancel or
    the reconciler took it away, nothing happens.
    """

    job: Job
    sample: Sample
    lease: str
    """Known to the worker alone."""
