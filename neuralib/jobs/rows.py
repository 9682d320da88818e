"""Rows as values."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, Row, select

from neuralib.jobs.attempt import Attempt
from neuralib.jobs.job import Job, JobArtifact, JobError, JobResult
from neuralib.jobs.sample import Sample
from neuralib.jobs.tables import artifacts, attempts, jobs, samples
from neuralib.tasks import parse_task

SAMPLE_COLUMNS = [column for column in samples.c if column.name != "search_name"]
CLAIMED_SAMPLE_COLUMNS = [column.label(f"its_{column.name}") for column in SAMPLE_COLUMNS]
"""The same, beside the columns of a job."""
JOB_COLUMNS = [
    jobs.c[name]
    for name in (
        "id", "tenant", "lane", "sample_id", "task", "state", "progress", "attempt", "error_code",
        "error_message", "result", "created_at", "started_at", "finished_at",
    )
]  # fmt: skip
_AS_THEY_ARE = [
    column.name
    for column in JOB_COLUMNS
    if column.name not in ("task", "error_code", "error_message", "result")
]
ATTEMPT_COLUMNS = [
    attempts.c[name]
    for name in ("number", "worker", "started_at", "ended_at", "outcome", "message")
]


def as_sample(row: Row[Any]) -> Sample:
    """Read a row of `SAMPLE_COLUMNS`."""
    return Sample.model_validate(row._asdict())


def as_claimed_sample(row: Row[Any]) -> Sample:
    """Read a row that has `CLAIMED_SAMPLE_COLUMNS`."""
    values = row._mapping
    return Sample(**{column.name: values[f"its_{column.name}"] for column in SAMPLE_COLUMNS})


def as_job(row: Row[Any], found: Sequence[JobArtifact] = ()) -> Job:
    """Read a row that has `JOB_COLUMNS`; the artifacts are rows of their own."""
    values = row._mapping
    code, result = values["error_code"], values["result"]
    return Job(
        **{name: values[name] for name in _AS_THEY_ARE},
        task=parse_task(values["task"]),
        error=None if code is None else JobError(code=code, message=values["error_message"]),
        result=None if result is None else JobResult.model_validate_json(result),
        artifacts=tuple(found),
    )


def as_attempt(row: Row[Any]) -> Attempt:
    """Read a row of `ATTEMPT_COLUMNS`."""
    return Attempt(**row._asdict())


def with_artifacts(connection: Connection, rows: Iterable[Row[Any]]) -> list[Job]:
    """Read rows of `JOB_COLUMNS`, and the artifacts of those that are done."""
    rows = list(rows)
    found: dict[str, list[JobArtifact]] = {row.id: [] for row in rows if row.state == "done"}
    if found:
        wanted = (
            select(artifacts)
            .where(artifacts.c.job_id.in_(found))
            .order_by(artifacts.c.job_id, artifacts.c.position)
        )
        for row in connection.execute(wanted):
            found[row.job_id].append(
                JobArtifact(name=row.name, kind=row.kind, bytes=row.bytes, sha256=row.sha256)
            )
    return [as_job(row, found.get(row.id, ())) for row in rows]
