"""All SQL about jobs."""

from __future__ import annotations

from functools import cache
from typing import Any

from sqlalchemy import Connection, bindparam, func, literal_column, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.sql.dml import ReturningInsert

from neuralib.errors import Conflict, NotFound
from neuralib.jobs.attempt import Attempt
from neuralib.jobs.failures import is_foreign_key
from neuralib.jobs.insert import insert_new
from neuralib.jobs.job import Job, JobState, Lane, TaskKind
from neuralib.jobs.leases import QUEUED_AGAIN, Leases
from neuralib.jobs.page import Page
from neuralib.jobs.pages import page_of
from neuralib.jobs.rows import ATTEMPT_COLUMNS, JOB_COLUMNS, as_attempt, as_job, with_artifacts
from neuralib.jobs.runs import LET_GO, add_artifacts, end_attempt
from neuralib.jobs.samples import no_sample
from neuralib.jobs.tables import HAS_IDEMPOTENCY_KEY, attempts, jobs
from neuralib.jobs.times import DatabaseTime
from neuralib.jobs.waiting import Waiting

# Built once: every job that is submitted passes it.
_REMEMBERED = (
    select(*JOB_COLUMNS)
    .where(
        jobs.c.tenant == bindparam("whose"),
        jobs.c.result_key == bindparam("key"),
        jobs.c.state == literal_column("'done'"),  # a value would hide which index fits
    )
    .order_by(jobs.c.id.desc())
    .limit(1)
)


class Jobs(Leases):
    """The jobs of all tenants: what their owners do, and (`Leases`) what workers do.

    Raises (all methods):
        DatabaseUnreachable: where the database does not answer.
    """

    def add(
        self,
        job: Job,
        *,
        lane: Lane,
        result_key: str,
        idempotency_key: str | None = None,
        request_sha256: str | None = None,
    ) -> tuple[Job, bool]:
        """Keep a job, unless its tenant sent the same request before.

        Args:
            job: as it is to be kept: queued, or done at once with remembered results.
            lane: where it is put.
            result_key: tells equal results: the same bytes, task and model.
            idempotency_key: of the request, chosen by the client; None: every request counts.
            request_sha256: of the request, to tell that the key was used for this same one.

        Returns:
            The job that is kept, and whether it is the new one.

        Raises:
            NotFound: where the tenant has no such sample.
            Conflict: where the idempotency key was used for another request.
        """
        values = {
            **_values(job),
            "lane": lane,
            "result_key": result_key,
            "idempotency_key": idempotency_key,
            "request_sha256": request_sha256,
        }
        # A row alone needs no transaction.
        opened = self._database.begin if job.artifacts else self._database.write
        try:
            while True:
                with opened() as connection:
                    found = _add(connection, job, values)
                    if found is not None:  # else it was removed in between
                        return found
        except IntegrityError as error:
            if is_foreign_key(error):
                raise no_sample(job.sample_id) from None
            raise

    def get(self, tenant: str, id: str) -> Job:
        """Give one job.

        Raises:
            NotFound: where this tenant has none with this id.
        """
        with self._database.connect() as connection:
            return _get(connection, tenant, id)

    def list(
        self,
        tenant: str,
        *,
        state: JobState | None = None,
        task: TaskKind | None = None,
        sample_id: str | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> Page[Job]:
        """Give some jobs of a tenant, the newest first.

        Args:
            tenant: whose.
            state: those in this state alone.
            task: those of this kind alone.
            sample_id: those of this sample alone; one that is not there has none.
            cursor: of the page before.
            limit: most jobs of this page.

        Raises:
            UsageError: for a limit that is not allowed.
        """
        wanted = select(*JOB_COLUMNS).where(jobs.c.tenant == tenant)
        given = {jobs.c.state: state, jobs.c.kind: task, jobs.c.sample_id: sample_id}
        for column, value in given.items():
            if value is not None:
                wanted = wanted.where(column == value)
        with self._database.connect() as connection:
            rows = connection.execute(page_of(wanted, jobs, cursor, limit)).all()
            items = tuple(with_artifacts(connection, rows[:limit]))
        return Page(items=items, cursor=items[-1].id if len(rows) > limit else None)

    def remembered(self, tenant: str, result_key: str) -> Job | None:
        """Give the newest job of a tenant that is done and has this key."""
        values = {"whose": tenant, "key": result_key}
        with self._database.connect() as connection:
            found = with_artifacts(connection, connection.execute(_REMEMBERED, values))
        return found[0] if found else None

    def cancel(self, tenant: str, id: str) -> Job:
        """Stop a job that is queued or running; its run loses its lease at once.

        Returns:
            The job; it may have been cancelled before.

        Raises:
            NotFound: where this tenant has none with this id.
            Conflict: where it is done or failed.
        """
        with self._database.begin() as connection:
            job = _get(connection, tenant, id, locked=True)
            if job.state == "cancelled":
                return job
            if job.ended:
                raise Conflict(
                    f"job {id} is {job.state}; only a job that has not ended can be cancelled"
                )
            end_attempt(connection, id, "cancelled")
            values = {**LET_GO, "state": "cancelled", "finished_at": DatabaseTime(0.0)}
            return _change(connection, id, values)

    def retry(self, tenant: str, id: str) -> Job:
        """Queue a job again that failed or was cancelled; crashes are counted anew.

        Raises:
            NotFound: where this tenant has none with this id.
            Conflict: where it is queued, running or done.
        """
        with self._database.begin() as connection:
            job = _get(connection, tenant, id, locked=True)
            if job.state not in ("failed", "cancelled"):
                raise Conflict(
                    f"job {id} is {job.state}; only one that failed or was cancelled can be retried"
                )
            values = {
                **QUEUED_AGAIN,
                "crashes": 0,
                "error_code": None,
                "error_message": None,
                "finished_at": None,
            }
            return _change(connection, id, values)

    def waiting(
        self, *, older_than_seconds: float, limit: int, after: str | None = None
    ) -> tuple[Waiting, ...]:
        """List jobs that are queued, of all tenants, the oldest first.

        Args:
            older_than_seconds: they have been queued for longer than this.
            limit: most of them.
            after: the id of the last one seen.
        """
        wanted = select(jobs.c.id, jobs.c.kind, jobs.c.lane).where(
            jobs.c.state == "queued", jobs.c.queued_at < DatabaseTime(-older_than_seconds)
        )
        if after is not None:
            wanted = wanted.where(jobs.c.id > after)
        with self._database.connect() as connection:
            rows = connection.execute(wanted.order_by(jobs.c.id).limit(limit))
            return tuple(Waiting(*row) for row in rows)

    def attempts(self, tenant: str, id: str) -> tuple[Attempt, ...]:
        """Give all runs of a job, the first one first.

        Raises:
            NotFound: where this tenant has no job with this id.
        """
        wanted = (
            select(*ATTEMPT_COLUMNS)
            .where(attempts.c.job_id == id)
            .order_by(attempts.c.started_at, attempts.c.number)
        )
        with self._database.connect() as connection:
            _get(connection, tenant, id)
            return tuple(as_attempt(row) for row in connection.execute(wanted))

    def counts(self) -> dict[tuple[TaskKind, JobState], int]:
        """Count the jobs of all tenants by kind of task and by state; none is left out."""
        wanted = select(jobs.c.kind, jobs.c.state, func.count()).group_by(jobs.c.kind, jobs.c.state)
        with self._database.connect() as connection:
            return {(kind, state): number for kind, state, number in connection.execute(wanted)}


def _values(job: Job) -> dict[str, Any]:
    return {
        "id": job.id,
        "tenant": job.tenant,
        "sample_id": job.sample_id,
        "kind": job.task.kind,
        "task": job.task.model_dump_json(),
        "state": job.state,
        "progress": job.progress,
        "attempt": job.attempt,
        "crashes": 0,
        "error_code": job.error.code if job.error else None,
        "error_message": job.error.message if job.error else None,
        "result": job.result.model_dump_json() if job.result else None,
        "created_at": job.created_at,
        "started_at": job.started_at,
        "finished_at": job.finished_at,
    }


@cache
def _insert(dialect: str) -> ReturningInsert[Any]:
    key = [jobs.c.tenant, jobs.c.idempotency_key]
    added = insert_new(dialect, jobs, key, HAS_IDEMPOTENCY_KEY)
    return added.values(queued_at=DatabaseTime(0.0)).returning(jobs.c.id)


def _add(connection: Connection, job: Job, values: dict[str, Any]) -> tuple[Job, bool] | None:
    if connection.execute(_insert(connection.dialect.name), values).first() is not None:
        add_artifacts(connection, job.tenant, job.id, job.artifacts)
        return job.model_copy(update={"lane": values["lane"]}), True
    first = connection.execute(
        select(*JOB_COLUMNS, jobs.c.request_sha256).where(
            jobs.c.tenant == job.tenant, jobs.c.idempotency_key == values["idempotency_key"]
        )
    ).first()
    if first is None:
        return None
    if first.request_sha256 != values["request_sha256"]:
        raise Conflict(
            f"the idempotency key {values['idempotency_key']!r} was used for another request "
            f"(job {first.id}); take a new key for each request"
        )
    return _get(connection, job.tenant, first.id), False


def _get(connection: Connection, tenant: str, id: str, *, locked: bool = False) -> Job:
    wanted = select(*JOB_COLUMNS).where(jobs.c.tenant == tenant, jobs.c.id == id)
    if locked:
        wanted = wanted.with_for_update()
    rows = connection.execute(wanted).all()
    if not rows:
        raise NotFound(f"there is no job {id!r}; `neuralib jobs list` shows those there are")
    return with_artifacts(connection, rows)[0]


def _change(connection: Connection, id: str, values: dict[str, Any]) -> Job:
    changed = update(jobs).where(jobs.c.id == id).values(**values).returning(*JOB_COLUMNS)
    return as_job(connection.execute(changed).one())
