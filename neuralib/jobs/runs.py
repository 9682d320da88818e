"""How a run begins and how it ends well: the SQL that every job passes.

PostgreSQL is a journey away, and so gets one statement for each, which is committed by itself.
SQLite has no such statements, but is at hand: it gets several, in one transaction.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Connection,
    Integer,
    Row,
    Select,
    Text,
    bindparam,
    cast,
    column,
    func,
    insert,
    literal,
    select,
    update,
)

from neuralib.jobs.attempt import Outcome
from neuralib.jobs.database import Database
from neuralib.jobs.job import JobArtifact, JobState
from neuralib.jobs.rows import CLAIMED_SAMPLE_COLUMNS, JOB_COLUMNS
from neuralib.jobs.tables import artifacts, attempts, jobs, samples
from neuralib.jobs.times import DatabaseTime

LEASE_SECONDS = 30
"""A run that was not heard of for so long is taken for dead."""

HELD = (jobs.c.id == bindparam("job"), jobs.c.lease == bindparam("held"))
"""The job `job`, while it runs under the lease `held`."""
LET_GO: dict[str, Any] = {"lease": None, "lease_expires_at": None}
"""What every end of a run does to its job."""

_ATTEMPT = ["job_id", "lease", "tenant", "number", "worker", "started_at"]
_ARTIFACT = ["job_id", "tenant", "name", "position", "kind", "bytes", "sha256"]

_CLAIM = (
    update(jobs)
    .where(jobs.c.id == bindparam("job"), jobs.c.state == "queued")
    .values(
        state="running",
        attempt=jobs.c.attempt + 1,
        progress=0.0,
        lease=bindparam("new"),
        lease_expires_at=DatabaseTime(float(LEASE_SECONDS)),
        started_at=DatabaseTime(0.0),
    )
)
_FINISH = (
    update(jobs)
    .where(*HELD)
    .values(
        **LET_GO,
        state="done",
        progress=1.0,
        result=bindparam("outcome"),
        finished_at=DatabaseTime(0.0),
    )
)
_END_ATTEMPT = (
    update(attempts)
    .where(attempts.c.job_id == bindparam("job"), attempts.c.ended_at.is_(None))
    .values(ended_at=DatabaseTime(0.0), outcome=bindparam("how"), message=bindparam("why"))
)


def claim(database: Database, job_id: str, lease: str, worker: str) -> Row[Any] | None:
    """Begin a run of a job; give `JOB_COLUMNS` and `CLAIMED_SAMPLE_COLUMNS`.

    Returns:
        None where the job is not queued.
    """
    values = {"job": job_id, "new": lease, "worker": worker}
    if database.is_postgresql:
        with database.connect() as connection:
            return connection.execute(_CLAIM_AT_ONCE, values).first()
    with database.begin() as connection:
        if connection.execute(_CLAIM, {"job": job_id, "new": lease}).rowcount == 0:
            return None
        connection.execute(_BEGIN_ATTEMPT, {"job": job_id, "worker": worker})
        return connection.execute(_CLAIMED, {"job": job_id}).one()


def finish(
    database: Database, job_id: str, lease: str, result: str, made: Sequence[JobArtifact]
) -> Row[Any] | None:
    """End a run with its results; give `JOB_COLUMNS`.

    Returns:
        None where the lease is lost.
    """
    held = {"job": job_id, "held": lease, "outcome": result}
    if database.is_postgresql:
        text = json.dumps([_artifact(*numbered) for numbered in enumerate(made)])
        with database.connect() as connection:
            return connection.execute(_FINISH_AT_ONCE, {**held, "made": text}).first()
    with database.begin() as connection:
        row = connection.execute(_FINISH.returning(*JOB_COLUMNS), held).first()
        if row is not None:
            end_attempt(connection, job_id, "done")
            add_artifacts(connection, row.tenant, job_id, made)
        return row


def claimed(database: Database, job_id: str, lease: str) -> Row[Any] | None:
    """Give what `claim` gave for a run that holds the lease; None where none does."""
    with database.connect() as connection:
        held = _CLAIMED.where(jobs.c.lease == bindparam("held"))
        return connection.execute(held, {"job": job_id, "held": lease}).first()


def ended(connection: Connection, job_id: str, lease: str, state: JobState) -> Row[Any] | None:
    """Give the `JOB_COLUMNS` of a job that is in this state since its run with this lease.

    Returns:
        None where another run, or something else, came after it.
    """
    return connection.execute(_ENDED, {"job": job_id, "held": lease, "how": state}).first()


def end_attempt(
    connection: Connection, job_id: str, outcome: Outcome, message: str | None = None
) -> None:
    """Write down how the present run of a job ended, if it runs."""
    connection.execute(_END_ATTEMPT, {"job": job_id, "how": outcome, "why": message})


def add_artifacts(
    connection: Connection, tenant: str, job_id: str, made: Sequence[JobArtifact]
) -> None:
    """Write down what a job made."""
    rows = [
        {**_artifact(*numbered), "tenant": tenant, "job_id": job_id} for numbered in enumerate(made)
    ]
    if rows:
        connection.execute(insert(artifacts), rows)


def _artifact(position: int, artifact: JobArtifact) -> dict[str, Any]:
    return {**dict(artifact), "position": position}


def _claim_at_once() -> Select[Any]:
    claimed = _CLAIM.returning(*JOB_COLUMNS).cte("claimed")
    begun = insert(attempts).from_select(
        _ATTEMPT,
        select(
            claimed.c.id,
            bindparam("new", type_=Text),
            claimed.c.tenant,
            claimed.c.attempt,
            bindparam("worker", type_=Text),
            claimed.c.started_at,
        ),
    )
    # A claim that is forgotten in a power cut is a lease that is lost: the job runs again. So
    # it need not wait for the disk.
    hurry = func.set_config("synchronous_commit", "off", True)
    return (
        select(claimed, *CLAIMED_SAMPLE_COLUMNS, hurry)
        .join(samples, samples.c.id == claimed.c.sample_id)
        .add_cte(begun.cte("begun"))
    )


def _finish_at_once() -> Select[Any]:
    done = _FINISH.returning(*JOB_COLUMNS).cte("finished")
    ended = (
        update(attempts)
        .where(attempts.c.job_id == done.c.id, attempts.c.ended_at.is_(None))
        .values(ended_at=DatabaseTime(0.0), outcome="done")
    )
    made = (
        func.json_to_recordset(cast(bindparam("made", type_=Text), JSON))
        .table_valued(
            column("name", Text),
            column("position", Integer),
            column("kind", Text),
            column("bytes", BigInteger),
            column("sha256", Text),
        )
        .render_derived(name="made", with_types=True)
    )
    stored = insert(artifacts).from_select(
        _ARTIFACT,
        select(done.c.id, done.c.tenant, *made.c).select_from(done.join(made, literal(True))),
    )
    return select(done).add_cte(ended.cte("ended"), stored.cte("stored"))


_BEGIN_ATTEMPT = insert(attempts).from_select(
    _ATTEMPT,
    select(
        jobs.c.id,
        jobs.c.lease,
        jobs.c.tenant,
        jobs.c.attempt,
        bindparam("worker", type_=Text),
        jobs.c.started_at,
    ).where(jobs.c.id == bindparam("job")),
)
_CLAIMED = (
    select(*JOB_COLUMNS, *CLAIMED_SAMPLE_COLUMNS)
    .join(samples, samples.c.id == jobs.c.sample_id)
    .where(jobs.c.id == bindparam("job"))
)
_ENDED = (
    select(*JOB_COLUMNS)
    .join(attempts, attempts.c.job_id == jobs.c.id)
    .where(
        jobs.c.id == bindparam("job"),
        attempts.c.lease == bindparam("held"),
        attempts.c.outcome == bindparam("how"),
        jobs.c.state == bindparam("how"),
        jobs.c.started_at == attempts.c.started_at,  # else there was another run
    )
)
_CLAIM_AT_ONCE = _claim_at_once()
_FINISH_AT_ONCE = _finish_at_once()
