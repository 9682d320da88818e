"""A cluster of real parts, to run workers in."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from neuralib.jobs.ids import new_id
from neuralib.jobs.job import Job, JobState
from neuralib.jobs.sample import Sample
from neuralib.service.parts import Parts
from neuralib.service.reconcile import Reconciler
from neuralib.service.runs import Runs
from neuralib.service.service import Service
from neuralib.settings import Settings
from neuralib.storage.keys import audio_key
from neuralib.tasks import MidiTask, SeparateTask, TranscribeTask

TENANT = "local"
PATIENCE_SECONDS = 60.0


@dataclass(frozen=True)
class Cluster:
    settings: Settings
    parts: Parts

    @property
    def runs(self) -> Runs:
        return Runs(self.parts)

    @property
    def service(self) -> Service:
        return Service(self.parts)

    @property
    def reconciler(self) -> Reconciler:
        return Reconciler(self.parts)

    def sample(
        self, name: str, path: Path | None = None, audio_seconds: float | None = None
    ) -> Sample:
        """A sample called `name`: of real bytes, or of none, for scripted runs."""
        data = path.read_bytes() if path else new_id("smp").encode()
        sample, _ = self.parts.samples.add(
            Sample(
                id=new_id("smp"),
                tenant=TENANT,
                name=name,
                sha256=hashlib.sha256(data).hexdigest(),
                bytes=len(data),
                audio_seconds=audio_seconds,
                sample_rate=44100,
                channels=2,
                created_at=datetime.now(timezone.utc),
            )
        )
        if path:
            self.parts.storage.put(audio_key(TENANT, sample.id), path)
        return sample

    def submit(
        self,
        name: str,
        task: SeparateTask | MidiTask | TranscribeTask | None = None,
        path: Path | None = None,
        audio_seconds: float | None = None,
    ) -> str:
        """Commit a job and put it into the queue; give its id."""
        task = task or MidiTask()
        job = Job(
            id=new_id("job"),
            tenant=TENANT,
            sample_id=self.sample(name, path, audio_seconds).id,
            task=task,
            state="queued",
            progress=0.0,
            attempt=0,
            error=None,
            result=None,
            artifacts=(),
            created_at=datetime.now(timezone.utc),
            started_at=None,
            finished_at=None,
        )
        self.parts.jobs.add(job, lane="normal", result_key=job.id)
        self.parts.queue.put(job.id, task.kind)
        return job.id

    def job(self, job_id: str) -> Job:
        return self.parts.jobs.get(TENANT, job_id)

    def wait_for(self, job_id: str, *states: JobState) -> Job:
        """Wait until the job is in one of these states."""
        wait_until(lambda: self.job(job_id).state in states)
        return self.job(job_id)

    @property
    def log(self) -> list[list[str]]:
        """What the scripted children ran: what, process id, number of its run, folder, whether
        beside others."""
        path = self.settings.data_dir / "runs.log"
        return [line.split() for line in path.read_text().splitlines()] if path.exists() else []


def wait_until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)
