from __future__ import annotations

import time
from datetime import datetime, timedelta, timezone

import pytest

from neuralib.jobs.database import Database
from neuralib.jobs.ended import EndedJobs
from neuralib.jobs.job import JobError
from neuralib.jobs.repository import Jobs
from tests.jobs.makers import RESULT, Maker, a_job


def test_each_job_that_ran_to_an_end_is_given_once(
    database: Database, jobs: Jobs, maker: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("neuralib.jobs.ended._SETTLED_SECONDS", 0.0)
    monkeypatch.setattr("neuralib.jobs.ended._PAGE", 2)
    maker.done()
    ended = EndedJobs(database)
    assert ended.new() == []
    claim = maker.running()
    jobs.fail(claim.job.id, claim.lease, JobError(code="decode", message="not audio"))
    done = [maker.done() for _ in range(4)]
    found = ended.new()
    assert [job.id for job in found] == [claim.job.id, *(job.id for job in done)]
    assert [job.state for job in found] == ["failed", *["done"] * 4]
    assert all(job.ran for job in found)
    assert all(job.wait_seconds >= 0 and job.run_seconds >= 0 for job in found)
    assert ended.new() == []


def test_what_did_not_run_is_told_apart(
    database: Database, jobs: Jobs, maker: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("neuralib.jobs.ended._SETTLED_SECONDS", 0.0)
    ended = EndedJobs(database)
    assert ended.new() == []
    cancelled = jobs.cancel(maker.tenant, maker.job().id)
    now = datetime.now(timezone.utc) + timedelta(milliseconds=1)
    sample = maker.sample().id
    stored = a_job(maker.tenant, sample, state="done", result=RESULT, finished_at=now)
    jobs.add(stored, lane="normal", result_key="key")
    time.sleep(0.002)
    claim = maker.running()
    stopped = jobs.cancel(maker.tenant, claim.job.id)
    found = ended.new()
    assert {job.id for job in found} == {cancelled.id, stored.id, stopped.id}
    assert not any(job.ran for job in found)
    assert all(job.wait_seconds >= 0 and job.run_seconds >= 0 for job in found)


def test_what_ended_before_can_be_asked_for(database: Database, maker: Maker) -> None:
    done = maker.done()
    assert done.id not in [job.id for job in EndedJobs(database, settled_seconds=0.0).new()]
    ended = EndedJobs(database, before_seconds=60.0, settled_seconds=0.0)
    assert done.id in [job.id for job in ended.new()]


def test_what_has_just_ended_is_given_later(database: Database, maker: Maker) -> None:
    ended = EndedJobs(database)
    ended.new()
    maker.done()
    assert ended.new() == []
