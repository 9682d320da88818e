"""One run of a job."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Outcome = Literal["done", "failed", "cancelled", "crashed", "handed_back"]
"""
`crashed`     its worker died, or was not heard of any more
`handed_back` its worker was asked to go; such a run does not count as an attempt
"""


@dataclass(frozen=True)
class Attempt:
    """A worker's run of a job, as the database remembers it."""

    number: int
    """`Job.attempt` while it ran; the next run after one that was handed back has the same."""
    worker: str
    started_at: datetime
    ended_at: datetime | None
    """None: it runs."""
    outcome: Outcome | None
    message: str | None
    """Why it failed or crashed."""
