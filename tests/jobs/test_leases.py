from __future__ import annotations

import pytest
from sqlalchemy import update

from neuralib.jobs.database import Database
from neuralib.jobs.job import JobError
from neuralib.jobs.leases import LEASE_SECONDS, MAX_CRASHES
from neuralib.jobs.repository import Jobs
from neuralib.jobs.tables import jobs as table
from neuralib.jobs.times import DatabaseTime
from tests.jobs.makers import NOTES, RESULT, TABLE, Maker


def test_a_claimed_job_runs_with_its_sample_and_a_lease(jobs: Jobs, maker: Maker) -> None:
    sample = maker.sample()
    job = maker.job(sample.id, lane="high")
    claim = jobs.claim(job.id, "worker")
    assert claim is not None
    assert claim.sample == sample
    assert claim.job == jobs.get(maker.tenant, job.id)
    assert (claim.job.state, claim.job.attempt, claim.job.lane) == ("running", 1, "high")
    assert claim.job.started_at is not None
    assert jobs.claim(job.id, "another worker") is None


def test_a_job_that_is_not_there_cannot_be_claimed(jobs: Jobs) -> None:
    assert jobs.claim("job_none", "worker") is None


def test_a_beat_renews_the_lease_and_keeps_the_progress(jobs: Jobs, maker: Maker) -> None:
    claim = maker.running()
    assert jobs.beat(claim.job.id, claim.lease, 0.5)
    assert jobs.get(maker.tenant, claim.job.id).progress == 0.5


def test_a_finished_run_has_its_result_and_its_artifacts_in_order(jobs: Jobs, maker: Maker) -> None:
    claim = maker.running()
    done = jobs.finish(claim.job.id, claim.lease, RESULT, (NOTES, TABLE))
    assert done is not None
    assert done == jobs.get(maker.tenant, claim.job.id)
    assert (done.state, done.progress, done.result) == ("done", 1.0, RESULT)
    assert done.artifacts == (NOTES, TABLE)
    assert done.started_at is not None
    assert done.finished_at is not None
    assert done.finished_at >= done.started_at


def test_a_failed_run_says_why(jobs: Jobs, maker: Maker) -> None:
    claim = maker.running()
    error = JobError(code="decode", message="not audio")
    failed = jobs.fail(claim.job.id, claim.lease, error)
    assert failed == jobs.get(maker.tenant, claim.job.id)
    assert failed is not None
    assert (failed.state, failed.error) == ("failed", error)


@pytest.mark.parametrize("lost", ["cancelled", "swept", "handed back", "never had"])
def test_a_lost_lease_has_no_effect(
    jobs: Jobs, maker: Maker, database: Database, lost: str
) -> None:
    claim = maker.running()
    id, lease = claim.job.id, claim.lease
    if lost == "cancelled":
        jobs.cancel(maker.tenant, id)
    elif lost == "swept":
        run_out(database, id)
        jobs.sweep()
    elif lost == "handed back":
        jobs.hand_back(id, lease)
    else:
        lease = "another"
    before = jobs.get(maker.tenant, id)
    assert not jobs.beat(id, lease, 0.5)
    assert jobs.finish(id, lease, RESULT, (NOTES,)) is None
    assert jobs.fail(id, lease, JobError(code="decode", message="not audio")) is None
    assert jobs.crash(id, lease, "killed") is None
    assert jobs.hand_back(id, lease) is None
    assert jobs.get(maker.tenant, id) == before


def test_a_run_that_was_handed_back_does_not_count(jobs: Jobs, maker: Maker) -> None:
    claim = maker.running()
    for _ in range(MAX_CRASHES + 1):
        back = jobs.hand_back(claim.job.id, claim.lease)
        assert back == jobs.get(maker.tenant, claim.job.id)
        assert back is not None
        assert (back.state, back.attempt, back.progress) == ("queued", 0, 0.0)
        again = jobs.claim(claim.job.id, "worker")
        assert again is not None
        assert again.job.attempt == 1
        claim = again


def test_a_job_that_crashes_is_queued_again_and_poisoned_in_the_end(
    jobs: Jobs, maker: Maker
) -> None:
    job = maker.job()
    states = []
    for number in range(1, MAX_CRASHES + 1):
        claim = jobs.claim(job.id, "worker")
        assert claim is not None
        assert claim.job.attempt == number
        crashed = jobs.crash(job.id, claim.lease, "killed by signal 9")
        assert crashed == jobs.get(maker.tenant, job.id)
        assert crashed is not None
        states.append(crashed.state)
    assert states == ["queued"] * (MAX_CRASHES - 1) + ["failed"]
    assert crashed.error is not None
    assert crashed.error.code == "poisoned"
    assert "killed by signal 9" in crashed.error.message


def test_a_retry_counts_crashes_anew(jobs: Jobs, maker: Maker) -> None:
    job = maker.job()
    for _ in range(2):
        for _ in range(MAX_CRASHES):
            claim = jobs.claim(job.id, "worker")
            assert claim is not None
            jobs.crash(job.id, claim.lease, "killed")
        assert jobs.retry(maker.tenant, job.id).state == "queued"
    assert jobs.get(maker.tenant, job.id).attempt == 2 * MAX_CRASHES


def test_only_runs_that_were_not_heard_of_are_swept(
    jobs: Jobs, maker: Maker, database: Database
) -> None:
    kept, lost, beaten = maker.running(), maker.running(), maker.running()
    run_out(database, lost.job.id)
    run_out(database, beaten.job.id)
    assert jobs.beat(beaten.job.id, beaten.lease, 0.1)
    assert [job.id for job in jobs.sweep()] == [lost.job.id]
    assert jobs.get(maker.tenant, kept.job.id).state == "running"
    assert jobs.get(maker.tenant, lost.job.id).state == "queued"
    assert jobs.get(maker.tenant, beaten.job.id).state == "running"


def test_a_sweep_ends_more_runs_than_it_takes_at_once(
    jobs: Jobs, maker: Maker, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("neuralib.jobs.leases._SWEPT_AT_ONCE", 2)
    lost = {maker.running().job.id for _ in range(5)}
    for id in lost:
        run_out(database, id)
    assert {job.id for job in jobs.sweep()} == lost


def test_attempts_tell_how_each_run_ended(jobs: Jobs, maker: Maker) -> None:
    job = maker.job()
    first = jobs.claim(job.id, "one")
    assert first is not None
    jobs.hand_back(job.id, first.lease)
    second = jobs.claim(job.id, "two")
    assert second is not None
    jobs.crash(job.id, second.lease, "killed by signal 9")
    third = jobs.claim(job.id, "three")
    assert third is not None
    jobs.cancel(maker.tenant, job.id)
    jobs.retry(maker.tenant, job.id)
    fourth = jobs.claim(job.id, "four")
    assert fourth is not None
    jobs.fail(job.id, fourth.lease, JobError(code="decode", message="not audio"))
    jobs.retry(maker.tenant, job.id)
    fifth = jobs.claim(job.id, "five")
    assert fifth is not None
    found = jobs.attempts(maker.tenant, job.id)
    assert [(a.number, a.worker, a.outcome, a.message) for a in found] == [
        (1, "one", "handed_back", None),
        (1, "two", "crashed", "killed by signal 9"),
        (2, "three", "cancelled", None),
        (3, "four", "failed", "not audio"),
        (4, "five", None, None),
    ]
    assert found[-1].ended_at is None
    assert found[-1].started_at == fifth.job.started_at
    assert all(a.ended_at and a.ended_at >= a.started_at for a in found[:-1])


def run_out(database: Database, id: str) -> None:
    """Let the lease of a job be as old as one of a worker that died."""
    past = DatabaseTime(-float(LEASE_SECONDS))
    with database.connect() as connection:
        connection.execute(update(table).where(table.c.id == id).values(lease_expires_at=past))


def test_a_claim_whose_answer_was_lost_is_given_again(jobs: Jobs, maker: Maker) -> None:
    job = maker.job(maker.sample().id)
    first = jobs.claim(job.id, "worker", "lease")
    assert first is not None
    assert jobs.claim(job.id, "worker", "lease") == first
    assert jobs.claim(job.id, "another worker", "another lease") is None
    assert len(jobs.attempts(maker.tenant, job.id)) == 1


def test_an_end_whose_answer_was_lost_is_given_again(jobs: Jobs, maker: Maker) -> None:
    claim = maker.running()
    done = jobs.finish(claim.job.id, claim.lease, RESULT, (NOTES, TABLE))
    assert done is not None
    assert jobs.finish(claim.job.id, claim.lease, RESULT, (NOTES, TABLE)) == done
    assert jobs.finish(claim.job.id, "another", RESULT, (NOTES, TABLE)) is None
    assert jobs.fail(claim.job.id, claim.lease, JobError(code="decode", message="late")) is None
    assert jobs.get(maker.tenant, claim.job.id) == done

    claim, error = maker.running(), JobError(code="decode", message="not audio")
    failed = jobs.fail(claim.job.id, claim.lease, error)
    assert failed is not None
    assert jobs.fail(claim.job.id, claim.lease, error) == failed
    jobs.retry(maker.tenant, claim.job.id)
    assert jobs.fail(claim.job.id, claim.lease, error) is None
    again = jobs.claim(claim.job.id, "worker")
    assert again is not None
    jobs.fail(again.job.id, again.lease, error)
    assert jobs.fail(claim.job.id, claim.lease, error) is None
