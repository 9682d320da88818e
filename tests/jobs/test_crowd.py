"""Many processes and threads at once: what must happen once happens once."""

from __future__ import annotations

from collections import Counter
from typing import Any

from sqlalchemy import update

from neuralib.jobs.database import Database
from neuralib.jobs.job import Job
from neuralib.jobs.repository import Jobs
from neuralib.jobs.samples import Samples
from neuralib.jobs.tables import jobs as table
from neuralib.jobs.times import DatabaseTime
from tests.jobs import crowd
from tests.jobs.makers import Maker, a_job, a_sample


def many(maker: Maker, number: int) -> list[Job]:
    sample = maker.sample()
    return [maker.job(sample.id) for _ in range(number)]


def test_each_of_200_jobs_is_claimed_and_finished_once(
    run: crowd.Run, url: str, jobs: Jobs, maker: Maker
) -> None:
    ids = [job.id for job in many(maker, 200)]
    # Every process tries for every job.
    leases = run(crowd.claim_and_finish, url, [id for id in ids for _ in range(crowd.PROCESSES)])
    won = [lease for lease in leases if lease is not None]
    assert len(won) == len(set(won)) == 200
    done = jobs.list(maker.tenant, limit=1000).items
    assert {job.state for job in done} == {"done"}
    assert {job.attempt for job in done} == {1}
    assert {job.artifacts[0].sha256 for job in done} == set(won)
    assert all(len(jobs.attempts(maker.tenant, id)) == 1 for id in ids)


def test_a_run_that_died_is_swept_once(
    run: crowd.Run, url: str, jobs: Jobs, maker: Maker, database: Database
) -> None:
    ids = {job.id for job in many(maker, 120)}
    for id in ids:
        jobs.claim(id, "worker")
    with database.connect() as connection:
        died = update(table).where(table.c.tenant == maker.tenant)
        connection.execute(died.values(lease_expires_at=DatabaseTime(-1.0)))
    swept = [id for part in run(crowd.sweep, url, range(20)) for id in part]
    assert sorted(swept) == sorted(ids)
    for id in ids:
        assert jobs.get(maker.tenant, id).state == "queued"
        assert [run.outcome for run in jobs.attempts(maker.tenant, id)] == ["crashed"]


def test_a_run_ends_in_one_way(run: crowd.Run, url: str, jobs: Jobs, maker: Maker) -> None:
    races = []
    for job in many(maker, 40):
        claim = jobs.claim(job.id, "worker")
        assert claim is not None
        races += [(how, maker.tenant, job.id, claim.lease) for how in ("finish", "crash")]
        races += [("finish", maker.tenant, job.id, claim.lease)] * 2
    ends = Counter(run(crowd.end, url, races))
    states = Counter(job.state for job in jobs.list(maker.tenant, limit=1000).items)
    assert states["done"] + states["queued"] == 40
    assert ends["done"] == states["done"] * 3  # who asks again with the same lease is told again
    assert ends["queued"] == states["queued"]
    for job in jobs.list(maker.tenant, limit=1000).items:
        outcome = "done" if job.state == "done" else "crashed"
        assert [each.outcome for each in jobs.attempts(maker.tenant, job.id)] == [outcome]


def test_a_cancel_and_a_finish_agree(run: crowd.Run, url: str, jobs: Jobs, maker: Maker) -> None:
    races = []
    for job in many(maker, 40):
        claim = jobs.claim(job.id, "worker")
        assert claim is not None
        races += [(how, maker.tenant, job.id, claim.lease) for how in ("cancel", "finish")]
    ends = Counter(run(crowd.end, url, races))
    states = Counter(job.state for job in jobs.list(maker.tenant, limit=1000).items)
    assert states == {name: ends[name] for name in ("done", "cancelled") if ends[name]}
    assert ends["Conflict"] == ends["done"]
    assert ends["done"] + ends["cancelled"] == 40


def test_a_request_that_is_sent_many_times_at_once_gives_one_job(
    run: crowd.Run, url: str, maker: Maker
) -> None:
    sample = maker.sample()
    kept = run(crowd.add_job, url, [a_job(maker.tenant, sample.id) for _ in range(40)])
    assert len({id for id, _ in kept}) == 1
    assert sum(new for _, new in kept) == 1


def test_the_same_bytes_added_many_times_at_once_give_one_sample(
    run: crowd.Run, url: str, samples: Samples, maker: Maker
) -> None:
    same = [a_sample(maker.tenant, sha256="ab" * 32) for _ in range(40)]
    kept = run(crowd.add_sample, url, same)
    assert len({id for id, _ in kept}) == 1
    assert sum(new for _, new in kept) == 1
    assert len(samples.list(maker.tenant).items) == 1


def test_a_sample_is_never_removed_below_a_new_job(
    run: crowd.Run, url: str, jobs: Jobs, samples: Samples, maker: Maker
) -> None:
    races: list[Any] = []
    for _ in range(20):
        sample = maker.sample()
        races += [a_job(maker.tenant, sample.id), (maker.tenant, sample.id)]
    ends = Counter(run(crowd.add_or_remove, url, races))
    assert ends["added"] + ends["removed"] == 20
    assert ends["added"] == ends["Conflict"] == len(samples.list(maker.tenant).items)
    assert ends["removed"] == ends["NotFound"]
    assert len(jobs.list(maker.tenant).items) == ends["added"]
