"""All SQL about runs: who may run a job, and how its run ends."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Select, bindparam, select, update

from neuralib.jobs import runs
from neuralib.jobs.claim import Claim
from neuralib.jobs.database import Database
from neuralib.jobs.job import Job, JobArtifact, JobError, JobResult
from neuralib.jobs.rows import JOB_COLUMNS, as_claimed_sample, as_job
from neuralib.jobs.runs import HELD, LEASE_SECONDS, LET_GO, end_attempt
from neuralib.jobs.tables import jobs
from neuralib.jobs.times import DatabaseTime

MAX_CRASHES = 3
"""A job that took so many workers down is not run again, unless it is retried."""
_SWEPT_AT_ONCE = 100
_CRASHED = (jobs.c.id, jobs.c.crashes)

QUEUED_AGAIN: dict[str, Any] = {
    **LET_GO,
    "state": "queued",
    "progress": 0.0,
    "queued_at": DatabaseTime(0.0),
}
"""What becomes of a job that is to be run again."""

_BEAT = (
    update(jobs)
    .where(*HELD)
    .values(lease_expires_at=DatabaseTime(float(LEASE_SECONDS)), progress=bindparam("far"))
)
_FAIL = (
    update(jobs)
    .where(*HELD)
    .values(
        **LET_GO,
        state="failed",
        error_code=bindparam("code"),
        error_message=bindparam("why"),
        finished_at=DatabaseTime(0.0),
    )
    .returning(*JOB_COLUMNS)
)
_HAND_BACK = (
    update(jobs)
    .where(*HELD)
    .values(**QUEUED_AGAIN, attempt=jobs.c.attempt - 1)
    .returning(*JOB_COLUMNS)
)


class Leases:
    """The runs of all jobs: what workers and the reconciler do.

    Whoever does something to a run names its lease. Where the lease was lost (the job was
    cancelled, or its worker not heard of for `LEASE_SECONDS`), nothing happens. `claim`
    with a lease, `finish` and `fail` may be asked for again where an answer was lost on its way:
    they give it once more.

    Raises (all methods):
        DatabaseUnreachable: where the database does not answer.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def claim(self, job_id: str, worker: str, lease: str | None = None) -> Claim | None:
        """Begin a run of a job; None where it is not queued.

        Args:
            job_id: of the job.
            worker: who runs it.
            lease: by which the run is known, never used before; None: one is made.
        """
        repeatable = lease is not None
        lease = lease or secrets.token_hex(16)
        row = runs.claim(self._database, job_id, lease, worker)
        if row is None and repeatable:
            row = runs.claimed(self._database, job_id, lease)
        if row is None:
            return None
        return Claim(job=as_job(row), sample=as_claimed_sample(row), lease=lease)

    def beat(self, job_id: str, lease: str, progress: float) -> bool:
        """Renew a lease, and keep how far the run is (0 to 1); False: the lease is lost."""
        values = {"job": job_id, "held": lease, "far": progress}
        with self._database.write() as connection:
            return connection.execute(_BEAT, values).rowcount == 1

    def finish(
        self, job_id: str, lease: str, result: JobResult, artifacts: Sequence[JobArtifact]
    ) -> Job | None:
        """End a run with its results, which are stored already; None: the lease is lost."""
        text = result.model_dump_json()
        row = runs.finish(self._database, job_id, lease, text, artifacts)
        if row is None:
            with self._database.connect() as connection:
                row = runs.ended(connection, job_id, lease, "done")
        return None if row is None else as_job(row, artifacts)

    def fail(self, job_id: str, lease: str, error: JobError) -> Job | None:
        """End a run with an error of the job itself; None: the lease is lost."""
        why = storable(error.message)
        values = {"job": job_id, "held": lease, "code": error.code, "why": why}
        with self._database.begin() as connection:
            row = connection.execute(_FAIL, values).first()
            if row is None:
                row = runs.ended(connection, job_id, lease, "failed")
                return None if row is None else as_job(row)
            end_attempt(connection, job_id, "failed", why)
        return as_job(row)

    def hand_back(self, job_id: str, lease: str) -> Job | None:
        """Queue a job again whose worker has to go, as if this run had not begun.

        Returns:
            The job, to be put into its queue; None: the lease is lost.
        """
        with self._database.begin() as connection:
            row = connection.execute(_HAND_BACK, {"job": job_id, "held": lease}).first()
            if row is None:
                return None
            end_attempt(connection, job_id, "handed_back")
        return as_job(row)

    def crash(self, job_id: str, lease: str, reason: str) -> Job | None:
        """End a run that died: queue the job again, or fail it after `MAX_CRASHES`.

        Args:
            job_id: of the job.
            lease: of the run.
            reason: what happened, as a part of a sentence: `killed by signal 9`.

        Returns:
            The job, to be put into its queue where it is queued; None: the lease is lost.
        """
        held = select(*_CRASHED).where(jobs.c.id == job_id, jobs.c.lease == lease)
        with self._database.begin() as connection:
            crashed = _crash_all(connection, held.with_for_update(), storable(reason))
        return crashed[0] if crashed else None

    def sweep(self) -> list[Job]:
        """Do `crash` for every run that was not heard of for `LEASE_SECONDS`.

        Several processes may do so at once: each run is ended by one of them.
        """
        swept: list[Job] = []
        ran_out = (
            select(*_CRASHED)
            .where(jobs.c.state == "running", jobs.c.lease_expires_at < DatabaseTime(0.0))
            .limit(_SWEPT_AT_ONCE)
            .with_for_update(skip_locked=True)  # somebody else is at those
        )
        while True:
            with self._database.begin() as connection:
                crashed = _crash_all(connection, ran_out, "its worker was not heard of any more")
            swept += crashed
            if len(crashed) < _SWEPT_AT_ONCE:
                return swept


def _crash_all(connection: Connection, dead: Select[Any], reason: str) -> list[Job]:
    return [
        _crash(connection, id, crashes + 1, reason)
        for id, crashes in connection.execute(dead).all()
    ]


def _crash(connection: Connection, job_id: str, crashes: int, reason: str) -> Job:
    if crashes < MAX_CRASHES:
        values = QUEUED_AGAIN
    else:
        values = {
            **LET_GO,
            "state": "failed",
            "error_code": "poisoned",
            "error_message": f"its worker died {crashes} times, the last time: {reason}",
            "finished_at": DatabaseTime(0.0),
        }
    again = update(jobs).where(jobs.c.id == job_id).values(**values, crashes=crashes)
    end_attempt(connection, job_id, "crashed", reason)
    return as_job(connection.execute(again.returning(*JOB_COLUMNS)).one())


def storable(text: str) -> str:
    """Replace what PostgreSQL cannot store: what a run says must never keep it from ending."""
    return text.replace("\0", "\ufffd").encode(errors="replace").decode()
