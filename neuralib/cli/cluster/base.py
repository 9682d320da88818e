"""What commands need of a cluster, whether through its gateway or from its parts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

from neuralib.events.event import Event
from neuralib.jobs.job import Job, JobArtifact
from neuralib.jobs.page import Page
from neuralib.jobs.sample import Sample
from neuralib.tasks import MidiTask, SeparateTask, TranscribeTask

BytesReport = Callable[[int], None]
"""Told how many bytes have gone by; may raise `errors.Cancelled` to stop."""


class Cluster(Protocol):
    """What commands do with a cluster; the methods are those of `client.Client`."""

    def close(self) -> None:
        """Let go of every connection."""

    def check(self) -> None:
        """Make sure that it is there, and takes us."""

    def add_sample(self, path: Path, name: str, report: BytesReport = ...) -> Sample:
        """Upload an audio file."""

    def samples(
        self, *, query: str | None = None, cursor: str | None = None, limit: int = 50
    ) -> Page[Sample]:
        """List samples, the newest first."""

    def sample(self, sample_id: str) -> Sample:
        """Get one sample."""

    def remove_sample(self, sample_id: str) -> None:
        """Remove a sample, with its jobs and their results."""

    def fetch_audio(self, sample: Sample, path: Path, report: BytesReport = ...) -> None:
        """Write the bytes of a sample to a file."""

    def submit(
        self,
        task: SeparateTask | MidiTask | TranscribeTask,
        sample_id: str,
        *,
        force: bool = False,
    ) -> Job:
        """Let a task run on a sample."""

    def jobs(
        self,
        *,
        state: str | None = None,
        task: str | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> Page[Job]:
        """List jobs, the newest first."""

    def job(self, job_id: str) -> Job:
        """Get one job."""

    def cancel(self, job_id: str) -> Job:
        """Stop a job, or do not start it."""

    def retry(self, job_id: str) -> Job:
        """Queue a job again that failed or was cancelled."""

    def fetch_artifact(
        self, job: Job, artifact: JobArtifact, path: Path, report: BytesReport = ...
    ) -> None:
        """Write the bytes of a result to a file."""

    def workers(self) -> dict[str, int]:
        """Count the workers that take each task."""

    def watch(self, job_id: str) -> Iterator[Event]:
        """Follow a job to its end."""

    def watch_all(self) -> Iterator[Event]:
        """Follow all jobs."""
