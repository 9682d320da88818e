"""The parts of a cluster without a gateway, with the same verbs as `client.Client`."""

from __future__ import annotations

import contextlib
import hashlib
import secrets
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import cast

from neuralib.cli.cluster.base import BytesReport
from neuralib.errors import ClusterError, InputError, cannot_write
from neuralib.events.event import Event
from neuralib.events.open import open_events
from neuralib.jobs.job import Job, JobArtifact, JobState
from neuralib.jobs.page import Page
from neuralib.jobs.sample import Sample
from neuralib.queue.base import TaskKind
from neuralib.service.announce import event_of
from neuralib.service.parts import open_parts
from neuralib.service.service import Service
from neuralib.service.stored import StoredFile
from neuralib.settings import Settings
from neuralib.tasks import MidiTask, SeparateTask, TranscribeTask

_WAIT_SECONDS = 5.0


def unheard(done_bytes: int) -> None:
    """Listen to nothing."""


class Direct:
    """Database, storage, queue and events of the settings, for the settings' tenant."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._tenant = settings.tenant
        self._parts = open_parts(settings)
        self._service = Service(self._parts)

    def close(self) -> None:
        """Let go of every connection."""
        self._parts.close()

    def check(self) -> None:
        """Make sure that every part answers."""
        for part in (self._parts.database, self._parts.storage, self._parts.queue):
            part.ping()

    def add_sample(self, path: Path, name: str, report: BytesReport = unheard) -> Sample:
        """Keep an audio file; bytes that are there already give the sample that has them."""
        try:
            sha256 = _sha256(path, report)
        except OSError as error:
            raise InputError(f"cannot read {str(path)!r}: {error.strerror or error}") from None
        return self._service.add_sample(self._tenant, path, name, sha256)[0]

    def samples(
        self, *, query: str | None = None, cursor: str | None = None, limit: int = 50
    ) -> Page[Sample]:
        """List samples, the newest first."""
        return self._service.samples(self._tenant, query=query, cursor=cursor, limit=limit)

    def sample(self, sample_id: str) -> Sample:
        """Get one sample."""
        return self._service.sample(self._tenant, sample_id)

    def remove_sample(self, sample_id: str) -> None:
        """Remove a sample, with its jobs and their results."""
        self._service.remove_sample(self._tenant, sample_id)

    def fetch_audio(self, sample: Sample, path: Path, report: BytesReport = unheard) -> None:
        """Write the bytes of a sample to a file."""
        self._fetch(self._service.audio(self._tenant, sample.id), path, report)

    def submit(
        self,
        task: SeparateTask | MidiTask | TranscribeTask,
        sample_id: str,
        *,
        force: bool = False,
    ) -> Job:
        """Let a task run on a sample."""
        return self._service.submit(
            self._tenant, task, sample_id, force=force, idempotency_key=secrets.token_hex(16)
        )[0]

    def jobs(
        self,
        *,
        state: str | None = None,
        task: str | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> Page[Job]:
        """List jobs, the newest first."""
        return self._service.jobs(
            self._tenant,
            state=cast(JobState | None, state),
            task=cast(TaskKind | None, task),
            cursor=cursor,
            limit=limit,
        )

    def job(self, job_id: str) -> Job:
        """Get one job."""
        return self._service.job(self._tenant, job_id)

    def cancel(self, job_id: str) -> Job:
        """Stop a job, or do not start it."""
        return self._service.cancel(self._tenant, job_id)

    def retry(self, job_id: str) -> Job:
        """Queue a job again that failed or was cancelled."""
        return self._service.retry(self._tenant, job_id)

    def fetch_artifact(
        self, job: Job, artifact: JobArtifact, path: Path, report: BytesReport = unheard
    ) -> None:
        """Write the bytes of a result to a file."""
        self._fetch(self._service.artifact(self._tenant, job.id, artifact.name), path, report)

    def workers(self) -> dict[str, int]:
        """Count the workers that take each task."""
        return self._service.workers()

    def watch(self, job_id: str) -> Iterator[Event]:
        """Follow a job to its end."""
        # A bus serves one that waits at a time, and several jobs may be followed.
        events = open_events(self._settings)
        try:
            service = Service(replace(self._parts, events=events))
            yield from service.watch(self._tenant, job_id)
        finally:
            _close(events)

    def watch_all(self) -> Iterator[Event]:
        """Follow all jobs; first those that wait or run."""
        events = open_events(self._settings)
        try:
            after = events.last_id(self._tenant)
            for state in ("running", "queued"):
                yield from map(event_of, self.jobs(state=state).items)
            while True:
                entries = events.wait({self._tenant: after}, _WAIT_SECONDS).get(self._tenant, [])
                for entry in entries:
                    after = entry.id
                    yield entry.event
        finally:
            _close(events)

    def _fetch(self, file: StoredFile, path: Path, report: BytesReport) -> None:
        for _ in range(2):
            with contextlib.suppress(FileNotFoundError):
                path.unlink()
            self._parts.storage.fetch(file.key, path)
            try:
                if _sha256(path, report) == file.sha256:
                    return
            except OSError as error:
                raise cannot_write(path, error) from None
            time.sleep(0.1)
        raise ClusterError(
            f"{file.name} in the storage is not what was stored there; run the job again with "
            "--force"
        )


def _sha256(path: Path, report: BytesReport) -> str:
    hasher = hashlib.sha256()
    done_bytes = 0
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            hasher.update(block)
            done_bytes += len(block)
            report(done_bytes)
    return hasher.hexdigest()


def _close(part: object) -> None:
    close = getattr(part, "close", None)
    if close is not None:
        close()
