"""What a worker does to the job that it runs."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from neuralib.errors import NotFound
from neuralib.jobs.claim import Claim
from neuralib.jobs.job import Job, JobArtifact, JobError, JobResult
from neuralib.service.announce import dispatch, event_of, publish
from neuralib.service.parts import Parts
from neuralib.service.stored import remove_objects

_LOG = logging.getLogger(__name__)


class Runs:
    """The verbs of a worker: each is committed in SQL, then told to the listeners.

    All but the first need the lease that the claim gave. Where it is lost (the job was cancelled,
    or its lease ran out), nothing happens, and the answer says so.

    Raises (all verbs but `progress`):
        DatabaseUnreachable: where SQL does not answer; each may then be tried again.
    """

    def __init__(self, parts: Parts) -> None:
        self.parts = parts

    def claim(self, job_id: str, worker: str, lease: str | None = None) -> Claim | None:
        """Begin to run a job; None where it does not wait any more.

        Args:
            job_id: of the job.
            worker: who runs it.
            lease: a new one; where the answer is lost, the same one gives it again.
        """
        claim = self.parts.jobs.claim(job_id, worker, lease)
        if claim is not None:
            self._tell(claim.job, "job.claimed", "job %s runs, attempt %d", claim.job.attempt)
        return claim

    def beat(self, job_id: str, lease: str, progress: float) -> bool:
        """Renew the lease; False where it is lost, and the run has to end."""
        return self.parts.jobs.beat(job_id, lease, progress)

    def progress(self, claim: Claim, progress: float, eta_seconds: float | None) -> None:
        """Tell the listeners how far a run is; SQL learns of it with the next beat.

        Args:
            claim: of the run.
            progress: 0 to 1.
            eta_seconds: until it is done, where that can be told.
        """
        job = claim.job.model_copy(update={"progress": progress})
        publish(self.parts.events, job.tenant, event_of(job, eta_seconds))

    def finish(
        self, job_id: str, lease: str, result: JobResult, artifacts: Sequence[JobArtifact]
    ) -> Job | None:
        """Keep what a run gave; its artifacts are stored already. None: the lease is lost."""
        job = self.parts.jobs.finish(job_id, lease, result, artifacts)
        return self._told(job, "job.finished", "job %s is done")

    def fail(self, job_id: str, lease: str, error: JobError) -> Job | None:
        """End a job that cannot be done. None: the lease is lost."""
        job = self.parts.jobs.fail(job_id, lease, error)
        return self._told(job, "job.failed", "job %s failed, %s", error.code)

    def hand_back(self, job_id: str, lease: str) -> Job | None:
        """Leave a job to another worker, as if it had not been begun. None: the lease is lost."""
        return self._queued_again(
            self.parts.jobs.hand_back(job_id, lease), "job.handed_back", "job %s is handed back"
        )

    def crash(self, job_id: str, lease: str, reason: str) -> Job | None:
        """Say that the run took its process down; the job waits again, or has failed for good.

        Args:
            job_id: of the job.
            lease: of the run.
            reason: one line for a person: what happened to the process.

        Returns:
            The job; None: the lease is lost.
        """
        job = self.parts.jobs.crash(job_id, lease, reason)
        return self._queued_again(job, "job.crashed", "job %s crashed, %s", reason)

    def clean_up(self, claim: Claim) -> None:
        """Remove what a run has stored that came too late, where its sample was removed meanwhile.

        A cancelled job lets its sample be removed at once, while the run may still store results:
        nobody else would ever look for them.
        """
        try:
            self.parts.samples.get(claim.sample.tenant, claim.sample.id)
        except NotFound:
            remove_objects(self.parts, claim.sample)

    def _queued_again(
        self, job: Job | None, action: str, sentence: str, *facts: object
    ) -> Job | None:
        self._told(job, action, sentence, *facts)
        if job is not None and job.state == "queued":
            dispatch(self.parts.queue, job, job.lane)
        return job

    def _told(self, job: Job | None, action: str, sentence: str, *facts: object) -> Job | None:
        if job is not None:
            self._tell(job, action, sentence, *facts)
        return job

    def _tell(self, job: Job, action: str, sentence: str, *facts: object) -> None:
        publish(self.parts.events, job.tenant, event_of(job))
        _LOG.info(sentence, job.id, *facts, extra={"action": action, "job_id": job.id})
