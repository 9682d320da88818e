"""A task that was submitted, and what became of it."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from neuralib.tasks import Task

JobState = Literal["queued", "running", "done", "failed", "cancelled"]
"""
`queued`    waits for a worker; also after a worker gave it back or died
`running`   a worker holds its lease
`done`      its artifacts are stored
`failed`    it has an error; it can be retried
`cancelled` somebody stopped it; it can be retried
"""

END_STATES: frozenset[JobState] = frozenset({"done", "failed", "cancelled"})

ArtifactKind = Literal["stem", "notes", "transcript"]

TaskKind = Literal["separate", "midi", "transcribe"]

Lane = Literal["normal", "high"]
"""In which lane of its queue a job waits."""


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True)


class JobArtifact(_Value):
    """One stored result."""

    name: str
    """`vocals.wav`, `notes.mid`, `transcript.srt`: unique in its job, the same for any sample."""
    kind: ArtifactKind
    bytes: int
    sha256: str


class JobError(_Value):
    """Why a job failed."""

    code: str
    """Code of an error in `neuralib.errors`."""
    message: str
    """One line for a person."""


class JobResult(_Value):
    """How a finished run went: the same facts that a local run reports."""

    audio_seconds: float
    """Length of the input."""
    seconds: float
    """Time that the run took, without loading the model."""
    device: str
    precision: str
    runtime: str | None = None
    """The library that computed; None: not known."""
    gain_db: float | None = None
    """Gain that all stems were written with so that none clips; None: no stems, or not known."""


class Job(_Value):
    """One task on one sample."""

    id: str
    tenant: str = Field("", exclude=True)
    """Whose it is; never shown, and so not known on the client's side."""
    lane: Lane = Field("normal", exclude=True)
    """Where it is put, also when it is put again; a matter of the cluster, and so never shown."""
    sample_id: str
    task: Task
    state: JobState
    progress: float
    """0 to 1."""
    attempt: int
    """Runs that were begun; 0 before the first."""
    error: JobError | None
    result: JobResult | None
    artifacts: tuple[JobArtifact, ...]
    created_at: datetime
    started_at: datetime | None
    """When the last run began."""
    finished_at: datetime | None

    @property
    def ended(self) -> bool:
        """Nothing more will happen to it, unless it is retried."""
        return self.state in END_STATES
