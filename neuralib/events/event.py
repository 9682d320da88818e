"""One thing that happened to a job."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, NamedTuple

from pydantic import BaseModel, ConfigDict


class EventError(BaseModel):
    """Why the job failed."""

    model_config = ConfigDict(frozen=True)

    code: str
    message: str


class Event(BaseModel):
    """A change of a job's state, or of its progress."""

    model_config = ConfigDict(frozen=True)

    job_id: str
    task: Literal["separate", "midi", "transcribe"]
    state: Literal["queued", "running", "done", "failed", "cancelled"]
    progress: float
    """0 to 1."""
    eta_seconds: float | None
    """Seconds until it is done, where that can be told."""
    attempt: int
    error: EventError | None
    at: datetime

    @property
    def final(self) -> bool:
        """The job has ended: no listener may miss this."""
        return self.state in ("done", "failed", "cancelled")


class Entry(NamedTuple):
    """An event in the stream of its tenant."""

    id: str
    """`<milliseconds>-<number>`; grows with each event of a tenant."""
    event: Event
