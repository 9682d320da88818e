"""What is decided on a state is written before the state can change."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import Connection, update

from neuralib.errors import Conflict
from neuralib.jobs.database import Database
from neuralib.jobs.repository import Jobs, _add, _values
from neuralib.jobs.samples import Samples
from neuralib.jobs.tables import jobs as table
from tests.jobs.makers import Maker, a_job


def beaten_to_it(
    database: Database, change: Callable[[Connection], object], verb: Callable[[], Any]
) -> Any:
    """Begin `verb` when `change` is made but not yet committed; give what it came to."""
    with ThreadPoolExecutor(1) as pool:
        with database.begin() as connection:
            change(connection)
            outcome = pool.submit(verb)
            time.sleep(0.2)  # it reads, and then waits
        return outcome.result(30)


def to(id: str, **values: Any) -> Callable[[Connection], object]:
    """Set columns of a job."""
    return lambda connection: connection.execute(
        update(table).where(table.c.id == id).values(**values)
    )


def test_a_run_that_has_just_finished_does_not_crash(
    database: Database, jobs: Jobs, maker: Maker
) -> None:
    claim = maker.running()
    done = to(claim.job.id, state="done", lease=None)
    crash = beaten_to_it(database, done, lambda: jobs.crash(claim.job.id, claim.lease, "killed"))
    assert crash is None
    assert jobs.get(maker.tenant, claim.job.id).state == "done"


def test_a_crash_waits_for_a_beat(database: Database, jobs: Jobs, maker: Maker) -> None:
    claim = maker.running()
    beat = to(claim.job.id, progress=0.5)
    crash = beaten_to_it(database, beat, lambda: jobs.crash(claim.job.id, claim.lease, "killed"))
    assert crash.state == "queued"


def test_a_job_that_has_just_finished_is_not_cancelled(
    database: Database, jobs: Jobs, maker: Maker
) -> None:
    claim = maker.running()
    done = to(claim.job.id, state="done", lease=None)
    with pytest.raises(Conflict, match="is done"):
        beaten_to_it(database, done, lambda: jobs.cancel(maker.tenant, claim.job.id))


def test_a_sample_is_not_removed_below_a_job_that_is_just_added(
    database: Database, jobs: Jobs, samples: Samples, maker: Maker
) -> None:
    job = a_job(maker.tenant, maker.sample().id)
    empty = dict.fromkeys(("idempotency_key", "request_sha256"))
    values = {**_values(job), **empty, "lane": "normal", "result_key": "key"}
    with pytest.raises(Conflict, match="is in use"):
        beaten_to_it(
            database,
            lambda connection: _add(connection, job, values),
            lambda: samples.remove(maker.tenant, job.sample_id),
        )
    assert jobs.get(maker.tenant, job.id).state == "queued"


def test_a_sample_is_not_removed_below_a_job_that_is_just_retried(
    database: Database, jobs: Jobs, samples: Samples, maker: Maker
) -> None:
    job = maker.job()
    jobs.cancel(maker.tenant, job.id)
    with pytest.raises(Conflict, match="is in use"):
        beaten_to_it(
            database,
            to(job.id, state="queued"),
            lambda: samples.remove(maker.tenant, job.sample_id),
        )
