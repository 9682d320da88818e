"""Samples and jobs for tests."""

from __future__ import annotations

import secrets
from datetime import datetime, timezone
from typing import Any

from neuralib.jobs.claim import Claim
from neuralib.jobs.database import Database
from neuralib.jobs.ids import new_id
from neuralib.jobs.job import Job, JobArtifact, JobResult
from neuralib.jobs.repository import Jobs
from neuralib.jobs.sample import Sample
from neuralib.jobs.samples import Samples
from neuralib.tasks import MidiTask

RESULT = JobResult(audio_seconds=9.5, seconds=1.25, device="cpu", precision="fp32")
NOTES = JobArtifact(name="notes.mid", kind="notes", bytes=120, sha256="ab" * 32)
TABLE = JobArtifact(name="notes.csv", kind="notes", bytes=3_000_000_000, sha256="cd" * 32)


def a_sample(tenant: str, **changes: Any) -> Sample:
    values: dict[str, Any] = {
        "id": new_id("smp"),
        "tenant": tenant,
        "name": "song.wav",
        "sha256": secrets.token_hex(32),
        "bytes": 5_000_000_000,
        "audio_seconds": 9.5,
        "sample_rate": 44_100,
        "channels": 2,
        "created_at": datetime.now(timezone.utc),
    }
    return Sample(**{**values, **changes})


def a_job(tenant: str, sample_id: str, **changes: Any) -> Job:
    values: dict[str, Any] = {
        "id": new_id("job"),
        "tenant": tenant,
        "sample_id": sample_id,
        "task": MidiTask(),
        "state": "queued",
        "progress": 0.0,
        "attempt": 0,
        "error": None,
        "result": None,
        "artifacts": (),
        "created_at": datetime.now(timezone.utc),
        "started_at": None,
        "finished_at": None,
    }
    return Job(**{**values, **changes})


class Maker:
    """Adds samples and jobs of one tenant."""

    def __init__(self, database: Database) -> None:
        self.tenant = f"tenant-{secrets.token_hex(4)}"
        self._samples = Samples(database)
        self._jobs = Jobs(database)

    def sample(self, **changes: Any) -> Sample:
        return self._samples.add(a_sample(self.tenant, **changes))[0]

    def job(self, sample_id: str | None = None, **words: Any) -> Job:
        job = a_job(self.tenant, sample_id or self.sample().id)
        return self._jobs.add(job, **{"lane": "normal", "result_key": job.id, **words})[0]

    def running(self) -> Claim:
        claim = self._jobs.claim(self.job().id, "worker")
        assert claim is not None
        return claim

    def done(self) -> Job:
        claim = self.running()
        job = self._jobs.finish(claim.job.id, claim.lease, RESULT, (NOTES, TABLE))
        assert job is not None
        return job
