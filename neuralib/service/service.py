"""What can be asked of a cluster: the verbs behind the gateway, and of the command line."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path

from neuralib.errors import Conflict, NotFound, StorageUnreachable
from neuralib.events.event import Event
from neuralib.jobs.ids import new_id
from neuralib.jobs.job import Job, JobArtifact, JobState
from neuralib.jobs.page import Page
from neuralib.jobs.sample import Sample
from neuralib.queue.base import TASK_KINDS, Lane, TaskKind
from neuralib.service.announce import dispatch, event_of, publish, recall
from neuralib.service.names import archive_name, artifact_name, stem_of
from neuralib.service.parts import Parts
from neuralib.service.request import check_key, check_task, request_sha256, result_key
from neuralib.service.stored import StoredFile, StoredFiles, is_kept, remove_objects
from neuralib.service.upload import add_sample
from neuralib.service.watch import watch
from neuralib.storage.keys import artifact_key, audio_key
from neuralib.tasks import Task

_LOG = logging.getLogger(__name__)

_KNOWN_SAMPLES = 10_000
"""Samples whose sha256 is kept in memory: it never changes."""


class Service:
    """The verbs; each takes first whose samples and jobs it is about.

    What is done is committed in SQL before it returns. Telling listeners and workers comes
    after, and where that fails it is only logged: the reconciler makes good for it.

    Raises (all verbs):
        NotFound: where there is no such thing, or it is another tenant's.
        ClusterError: where the database or the storage does not answer.
    """

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self._sha256: dict[tuple[str, str], str] = {}

    def add_sample(self, tenant: str, path: Path, name: str, sha256: str) -> tuple[Sample, bool]:
        """Keep the audio file `path`.

        Args:
            tenant: whose it becomes.
            path: the bytes; a copy is kept.
            name: what the file is called; made safe.
            sha256: of the bytes, 64 hex digits.

        Returns:
            The sample, and whether it is new: the same bytes are kept once.

        Raises:
            InputError: where it is no audio; the message speaks of `name`.
            OutputError: where the storage is full.
        """
        return add_sample(self.parts, tenant, path, name, sha256)

    def samples(
        self, tenant: str, *, query: str | None = None, cursor: str | None = None, limit: int = 50
    ) -> Page[Sample]:
        """List samples, the newest first; `query` is a part of their names."""
        return self.parts.samples.list(tenant, query=query, cursor=cursor, limit=limit)

    def sample(self, tenant: str, sample_id: str) -> Sample:
        """Give one sample."""
        return self.parts.samples.get(tenant, sample_id)

    def remove_sample(self, tenant: str, sample_id: str) -> Sample:
        """Remove a sample, its jobs and their results.

        Raises:
            Conflict: while one of its jobs is queued or running.
        """
        sample = self.parts.samples.remove(tenant, sample_id)
        remove_objects(self.parts, sample)
        return sample

    def submit(
        self,
        tenant: str,
        task: Task,
        sample_id: str,
        *,
        lane: Lane = "normal",
        force: bool = False,
        idempotency_key: str | None = None,
    ) -> tuple[Job, bool]:
        """Let `task` be run on a sample.

        Where the same task was done on the same bytes before, and its results are still there,
        the new job is done at once with them.

        Args:
            tenant: whose job it is.
            task: what to run; its model is a name.
            sample_id: what to run it on.
            lane: `high` goes before all that is `normal`.
            force: run it also where its result is stored.
            idempotency_key: a repeated request with the same key gives the first one's job.

        Returns:
            The job, and whether this request made it.

        Raises:
            UsageError: where the task or the key cannot be taken.
            UnknownModel: where the model is a path, or one of another task.
            Conflict: where the key was used for another request.
        """
        check_task(task)
        request = None
        if idempotency_key is not None:
            check_key(idempotency_key)
            request = request_sha256(task, sample_id, lane, force)
        key = result_key(self._sha256_of(tenant, sample_id), task)
        stored = None if force else self._remembered(tenant, key)
        job, is_new = self.parts.jobs.add(
            _new_job(tenant, task, sample_id, lane, stored),
            lane=lane,
            result_key=key,
            idempotency_key=idempotency_key,
            request_sha256=request,
        )
        if is_new:
            self._tell(job)
            if not job.ended:
                dispatch(self.parts.queue, job, lane)
            _LOG.info(
                "job %s is %s",
                *(job.id, job.state),
                extra={"action": "job.submitted", "job_id": job.id, "task": task.kind},
            )
        return job, is_new

    def job(self, tenant: str, job_id: str) -> Job:
        """Give one job."""
        return self.parts.jobs.get(tenant, job_id)

    def jobs(
        self,
        tenant: str,
        *,
        state: JobState | None = None,
        task: TaskKind | None = None,
        sample_id: str | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> Page[Job]:
        """List jobs, the newest first."""
        return self.parts.jobs.list(
            tenant, state=state, task=task, sample_id=sample_id, cursor=cursor, limit=limit
        )

    def cancel(self, tenant: str, job_id: str) -> Job:
        """Stop a job that waits or runs; one that is cancelled already stays so.

        Raises:
            Conflict: where it is done, or has failed.
        """
        before = self.parts.jobs.get(tenant, job_id)
        job = self.parts.jobs.cancel(tenant, job_id)
        recall(self.parts.queue, job)
        if before.state != "cancelled":
            self._tell(job)
            _LOG.info(
                "job %s is cancelled", job.id, extra={"action": "job.cancelled", "job_id": job.id}
            )
        return job

    def retry(self, tenant: str, job_id: str) -> Job:
        """Run a job again that failed or was cancelled.

        Raises:
            Conflict: where it is in another state.
        """
        job = self.parts.jobs.retry(tenant, job_id)
        self._tell(job)
        dispatch(self.parts.queue, job, job.lane)
        _LOG.info("job %s is retried", job.id, extra={"action": "job.retried", "job_id": job.id})
        return job

    def workers(self) -> dict[str, int]:
        """Count the workers that take each kind of task; those of all tenants are the same."""
        workers = self.parts.queue.workers()
        return {kind: sum(kind in worker.kinds for worker in workers) for kind in TASK_KINDS}

    def watch(self, tenant: str, job_id: str) -> Iterator[Event]:
        """Follow a job: what is true now, then each change, up to its end."""
        return watch(self.parts, tenant, job_id)

    def audio(self, tenant: str, sample_id: str) -> StoredFile:
        """Find the bytes of a sample."""
        sample = self.sample(tenant, sample_id)
        key = audio_key(tenant, sample_id)
        return StoredFile(key, sample.name, sample.bytes, sample.sha256)

    def artifact(self, tenant: str, job_id: str, name: str) -> StoredFile:
        """Find a result of a job by its name (`vocals.wav`, `notes.mid`, `transcript.srt`)."""
        job = self.job(tenant, job_id)
        for each in job.artifacts:
            if each.name == name:
                saved_as = artifact_name(self.sample(tenant, job.sample_id).name, each)
                return _stored(job, each, saved_as)
        names = ", ".join(each.name for each in job.artifacts) or f"nothing, it is {job.state}"
        raise NotFound(f"job {job_id} has no artifact {name!r}; it has {names}")

    def archive(self, tenant: str, job_id: str) -> StoredFiles:
        """Find all results of a job, under the names that a local run gives them.

        Raises:
            Conflict: where the job is not done.
        """
        job = self.job(tenant, job_id)
        if job.state != "done":
            raise Conflict(f"job {job_id} is {job.state}; its results are there when it is done")
        name = self.sample(tenant, job.sample_id).name
        files = (_stored(job, each, archive_name(name, each)) for each in job.artifacts)
        return StoredFiles(stem_of(name), tuple(files))

    def _remembered(self, tenant: str, result_key: str) -> Job | None:
        job = self.parts.jobs.remembered(tenant, result_key)
        if job is None:
            return None
        try:
            files = [_stored(job, each, each.name) for each in job.artifacts]
            if is_kept(self.parts.storage, files):
                return job
        except StorageUnreachable:
            return job  # nobody knows; most likely they are there
        _LOG.warning(
            "the storage has lost results of job %s; the task is run again",
            job.id,
            extra={"action": "job.results_lost", "job_id": job.id},
        )
        return None

    def _tell(self, job: Job) -> None:
        publish(self.parts.events, job.tenant, event_of(job))

    def _sha256_of(self, tenant: str, sample_id: str) -> str:
        known = self._sha256.get((tenant, sample_id))
        if known is None:
            known = self.sample(tenant, sample_id).sha256
            if len(self._sha256) >= _KNOWN_SAMPLES:
                self._sha256.clear()
            self._sha256[tenant, sample_id] = known
        return known


def _stored(job: Job, artifact: JobArtifact, name: str) -> StoredFile:
    key = artifact_key(job.tenant, job.sample_id, artifact.sha256)
    return StoredFile(key, name, artifact.bytes, artifact.sha256)


def _new_job(tenant: str, task: Task, sample_id: str, lane: Lane, stored: Job | None) -> Job:
    now = datetime.now(timezone.utc)
    return Job(
        id=new_id("job"),
        tenant=tenant,
        lane=lane,
        sample_id=sample_id,
        task=task,
        state="queued" if stored is None else "done",
        progress=0.0 if stored is None else 1.0,
        attempt=0,
        error=None,
        result=stored and stored.result,
        artifacts=() if stored is None else stored.artifacts,
        created_at=now,
        started_at=None,
        finished_at=stored and now,
    )
