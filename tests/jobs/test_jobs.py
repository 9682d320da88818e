from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from neuralib.errors import Conflict, NotFound
from neuralib.jobs.database import Database
from neuralib.jobs.job import JobError
from neuralib.jobs.repository import Jobs
from neuralib.jobs.samples import Samples
from neuralib.tasks import SeparateTask, TranscribeTask
from tests.jobs.makers import NOTES, RESULT, Maker, a_job


def test_a_job_comes_back_as_it_was_added(jobs: Jobs, maker: Maker) -> None:
    task = TranscribeTask(initial_prompt="Ærø \0 'quoted'", temperature=(0.0, 0.5))
    east = timezone(timedelta(hours=5, minutes=30))
    created_at = datetime(2026, 1, 2, 3, 4, 5, 678_901, tzinfo=east)
    job = a_job(maker.tenant, maker.sample().id, task=task, created_at=created_at)
    added, new = jobs.add(job, lane="high", result_key="key")
    assert new
    assert added == job.model_copy(update={"lane": "high"})
    found = jobs.get(maker.tenant, job.id)
    assert found == added
    assert found.created_at.utcoffset() == timedelta(0)


def test_a_job_that_is_done_at_once_keeps_its_results(jobs: Jobs, maker: Maker) -> None:
    now = datetime.now(timezone.utc)
    job = a_job(
        maker.tenant,
        maker.sample().id,
        state="done",
        progress=1.0,
        result=RESULT,
        artifacts=(NOTES,),
        started_at=now,
        finished_at=now,
    )
    jobs.add(job, lane="normal", result_key=job.id)
    assert jobs.get(maker.tenant, job.id) == job
    assert jobs.remembered(maker.tenant, job.id) == job


def test_a_job_needs_a_sample_of_its_own_tenant(jobs: Jobs, maker: Maker) -> None:
    strange = a_job(maker.tenant + "-2", maker.sample().id)
    for job in (strange, a_job(maker.tenant, "smp_none")):
        with pytest.raises(NotFound, match=f"there is no sample '{job.sample_id}'"):
            jobs.add(job, lane="normal", result_key="key")
        with pytest.raises(NotFound, match="there is no job"):
            jobs.get(job.tenant, job.id)


def test_a_request_that_is_repeated_gives_its_first_job(jobs: Jobs, maker: Maker) -> None:
    words = {"idempotency_key": "once", "request_sha256": "aa", "result_key": "key"}
    sample = maker.sample()
    first, new = jobs.add(a_job(maker.tenant, sample.id), lane="high", **words)
    assert new
    jobs.cancel(maker.tenant, first.id)
    again, new = jobs.add(a_job(maker.tenant, sample.id), lane="high", **words)
    assert not new
    assert again == jobs.get(maker.tenant, first.id)
    other = {**words, "request_sha256": "bb"}
    with pytest.raises(Conflict, match=f"'once' was used for another request \\(job {first.id}"):
        jobs.add(a_job(maker.tenant, sample.id), lane="high", **other)
    assert len(jobs.list(maker.tenant).items) == 1


def test_a_key_of_a_request_is_its_tenants_own(
    jobs: Jobs, maker: Maker, database: Database
) -> None:
    maker.job(idempotency_key="once", request_sha256="aa")
    stranger = Maker(database)
    job = stranger.job(idempotency_key="once", request_sha256="bb")
    assert job.tenant == stranger.tenant


def test_without_a_key_every_request_counts(jobs: Jobs, maker: Maker) -> None:
    sample = maker.sample()
    assert maker.job(sample.id).id != maker.job(sample.id).id
    assert len(jobs.list(maker.tenant, sample_id=sample.id).items) == 2


def test_a_list_can_be_narrowed(jobs: Jobs, maker: Maker) -> None:
    sample = maker.sample()
    midi = maker.job(sample.id)
    done = maker.done()
    separate = a_job(maker.tenant, sample.id, task=SeparateTask())
    jobs.add(separate, lane="normal", result_key="key")

    def ids(**words: str) -> set[str]:
        return {job.id for job in jobs.list(maker.tenant, **words).items}  # type: ignore[arg-type] # literals

    assert ids() == {midi.id, done.id, separate.id}
    assert ids(state="done") == {done.id}
    assert ids(task="separate") == {separate.id}
    assert ids(sample_id=sample.id) == {midi.id, separate.id}
    assert ids(sample_id=sample.id, task="midi", state="queued") == {midi.id}
    assert ids(sample_id="smp_none") == set()
    assert done in jobs.list(maker.tenant).items


def test_pages_stay_as_they_are_while_jobs_are_added(jobs: Jobs, maker: Maker) -> None:
    sample = maker.sample()
    kept = [maker.job(sample.id) for _ in range(5)]
    kept.sort(key=lambda job: job.id, reverse=True)
    seen, cursor = [], None
    while True:
        page = jobs.list(maker.tenant, limit=2, cursor=cursor)
        seen += page.items
        cursor = page.cursor
        if cursor is None:
            break
        late = a_job(maker.tenant, sample.id, id=f"job_z{len(seen)}")
        jobs.add(late, lane="normal", result_key=late.id)
    assert seen == kept


def test_only_done_jobs_of_the_same_tenant_are_remembered(
    jobs: Jobs, maker: Maker, database: Database
) -> None:
    maker.job(result_key="key")
    assert jobs.remembered(maker.tenant, "key") is None
    first, second = (finished(jobs, maker, "key") for _ in range(2))
    newest = max(first, second, key=lambda id: id)
    found = jobs.remembered(maker.tenant, "key")
    assert found is not None
    assert found == jobs.get(maker.tenant, newest)
    assert found.artifacts == (NOTES,)
    assert jobs.remembered(Maker(database).tenant, "key") is None


def test_cancel_stops_what_has_not_ended(jobs: Jobs, maker: Maker) -> None:
    for job in (maker.job(), maker.running().job):
        cancelled = jobs.cancel(maker.tenant, job.id)
        assert cancelled.state == "cancelled"
        assert cancelled.finished_at is not None
        assert jobs.cancel(maker.tenant, job.id) == cancelled == jobs.get(maker.tenant, job.id)
        assert jobs.claim(job.id, "worker") is None


def test_what_has_ended_cannot_be_cancelled(jobs: Jobs, maker: Maker) -> None:
    done, claim = maker.done(), maker.running()
    jobs.fail(claim.job.id, claim.lease, JobError(code="decode", message="not audio"))
    for id, state in ((done.id, "done"), (claim.job.id, "failed")):
        with pytest.raises(Conflict, match=f"job {id} is {state}; only a job that has not ended"):
            jobs.cancel(maker.tenant, id)


def test_retry_queues_what_failed_or_was_cancelled(jobs: Jobs, maker: Maker) -> None:
    failed, cancelled = maker.running(), maker.job()
    jobs.fail(failed.job.id, failed.lease, JobError(code="decode", message="not audio"))
    jobs.cancel(maker.tenant, cancelled.id)
    for id in (failed.job.id, cancelled.id):
        again = jobs.retry(maker.tenant, id)
        assert again == jobs.get(maker.tenant, id)
        assert (again.state, again.error, again.finished_at) == ("queued", None, None)
        assert jobs.claim(id, "worker") is not None


def test_what_was_not_stopped_cannot_be_retried(jobs: Jobs, maker: Maker) -> None:
    for job, state in (
        (maker.job(), "queued"),
        (maker.running().job, "running"),
        (maker.done(), "done"),
    ):
        with pytest.raises(Conflict, match=f"job {job.id} is {state}; only one that failed or"):
            jobs.retry(maker.tenant, job.id)


def test_tenants_never_see_each_other(
    jobs: Jobs, samples: Samples, maker: Maker, database: Database
) -> None:
    done, stranger = maker.done(), Maker(database).tenant
    assert jobs.list(stranger).items == ()
    assert jobs.list(stranger, sample_id=done.sample_id).items == ()
    assert samples.list(stranger).items == ()
    for verb in (jobs.get, jobs.cancel, jobs.retry, jobs.attempts):
        with pytest.raises(NotFound, match=f"there is no job '{done.id}'; `neuralib jobs list`"):
            verb(stranger, done.id)
    for verb in (samples.get, samples.remove):
        with pytest.raises(NotFound, match=f"there is no sample '{done.sample_id}'"):
            verb(stranger, done.sample_id)
    assert samples.find(stranger, samples.get(maker.tenant, done.sample_id).sha256) is None


def test_waiting_lists_queued_jobs_the_oldest_first(jobs: Jobs, maker: Maker) -> None:
    for job in jobs.waiting(older_than_seconds=-1.0, limit=1000):
        jobs.claim(job.id, "worker")  # those of other tests
    wanted = sorted(maker.job(lane="high").id for _ in range(3))
    maker.running()
    maker.done()
    found = jobs.waiting(older_than_seconds=-1.0, limit=1000)
    assert [tuple(job) for job in found] == [(id, "midi", "high") for id in wanted]
    first = jobs.waiting(older_than_seconds=-1.0, limit=2)
    rest = jobs.waiting(older_than_seconds=-1.0, limit=2, after=first[-1].id)
    assert first + rest == found
    assert jobs.waiting(older_than_seconds=3600.0, limit=1000) == ()


def test_counts_are_by_kind_and_state(jobs: Jobs, maker: Maker) -> None:
    before = jobs.counts()
    maker.done()
    job = a_job(maker.tenant, maker.sample().id, task=SeparateTask())
    jobs.add(job, lane="normal", result_key="key")
    after = jobs.counts()
    assert after[("midi", "done")] == before.get(("midi", "done"), 0) + 1
    assert after[("separate", "queued")] == before.get(("separate", "queued"), 0) + 1


def test_a_lane_and_a_tenant_are_not_shown(maker: Maker) -> None:
    shown = maker.job(lane="high").model_dump()
    assert {"lane", "tenant"}.isdisjoint(shown)


def finished(jobs: Jobs, maker: Maker, result_key: str) -> str:
    job = maker.job(result_key=result_key)
    claim = jobs.claim(job.id, "worker")
    assert claim is not None
    jobs.finish(job.id, claim.lease, RESULT, (NOTES,))
    return job.id
