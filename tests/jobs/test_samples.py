from __future__ import annotations

import pytest
from sqlalchemy import func, select

from neuralib.errors import Conflict, NotFound, UsageError
from neuralib.jobs.database import Database
from neuralib.jobs.repository import Jobs
from neuralib.jobs.samples import Samples
from neuralib.jobs.tables import artifacts, attempts
from tests.jobs.makers import Maker, a_sample


def test_a_sample_comes_back_as_it_was_added(samples: Samples, maker: Maker) -> None:
    sample = a_sample(maker.tenant, name="Ærø.wav", audio_seconds=None)
    assert samples.add(sample) == (sample, True)
    assert samples.get(maker.tenant, sample.id) == sample
    assert samples.find(maker.tenant, sample.sha256) == sample
    assert samples.find(maker.tenant, "00" * 32) is None


def test_the_same_bytes_are_kept_once_a_tenant(samples: Samples, maker: Maker) -> None:
    first = maker.sample()
    again = a_sample(maker.tenant, sha256=first.sha256, name="another name.wav")
    assert samples.add(again) == (first, False)
    elsewhere = a_sample(maker.tenant + "-2", sha256=first.sha256)
    assert samples.add(elsewhere) == (elsewhere, True)


def test_pages_stay_as_they_are_while_samples_are_added(samples: Samples, maker: Maker) -> None:
    kept = [maker.sample(id=f"smp_{number}") for number in (1, 3, 4, 5, 6)]
    first = samples.list(maker.tenant, limit=2)
    maker.sample(id="smp_7")
    second = samples.list(maker.tenant, limit=2, cursor=first.cursor)
    maker.sample(id="smp_8")
    third = samples.list(maker.tenant, limit=2, cursor=second.cursor)
    assert [*first.items, *second.items, *third.items] == kept[::-1]
    assert third.cursor is None


def test_the_last_page_may_be_full(samples: Samples, maker: Maker) -> None:
    maker.sample(), maker.sample()
    assert samples.list(maker.tenant, limit=2).cursor is None
    assert len(samples.list(maker.tenant, limit=2).items) == 2


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("übung", ["ÜBUNG 100%.wav"]),
        ("U\u0308bung", ["ÜBUNG 100%.wav"]),  # as macOS writes names
        ("STRASSE", ["Straße_1.wav"]),
        ("100%", ["ÜBUNG 100%.wav"]),
        ("e_1", ["Straße_1.wav"]),
        ("", ["Straße_1.wav", "ÜBUNG 100%.wav"]),
        ("nothing", []),
    ],
)
def test_a_part_of_the_name_finds_a_sample(
    samples: Samples, maker: Maker, query: str, found: list[str]
) -> None:
    maker.sample(id=maker.tenant + "-1", name="ÜBUNG 100%.wav")
    maker.sample(id=maker.tenant + "-2", name="Straße_1.wav")
    assert [sample.name for sample in samples.list(maker.tenant, query=query).items] == found


@pytest.mark.parametrize("limit", [0, -1, 1001])
def test_a_limit_has_limits(samples: Samples, jobs: Jobs, limit: int) -> None:
    for things in (samples, jobs):
        with pytest.raises(UsageError, match=f"limit: got {limit}; 1 to 1000 are allowed"):
            things.list("tenant", limit=limit)


def test_a_sample_is_removed_with_all_that_was_made_of_it(
    samples: Samples, jobs: Jobs, maker: Maker, database: Database
) -> None:
    done = maker.done()
    kept = maker.done()
    assert samples.remove(maker.tenant, done.sample_id).id == done.sample_id
    for gone in (
        lambda: samples.get(maker.tenant, done.sample_id),
        lambda: jobs.get(maker.tenant, done.id),
        lambda: samples.remove(maker.tenant, done.sample_id),
    ):
        with pytest.raises(NotFound):
            gone()
    with database.connect() as connection:
        for table, number in ((artifacts, 2), (attempts, 1)):
            for job, left in ((done, 0), (kept, number)):
                rows = select(func.count()).select_from(table).where(table.c.job_id == job.id)
                assert connection.scalar(rows) == left


@pytest.mark.parametrize("state", ["queued", "running"])
def test_a_sample_that_is_in_use_stays(
    samples: Samples, jobs: Jobs, maker: Maker, state: str
) -> None:
    job = maker.job() if state == "queued" else maker.running().job
    with pytest.raises(
        Conflict, match=f"sample {job.sample_id} is in use: job {job.id} is {state}"
    ):
        samples.remove(maker.tenant, job.sample_id)
    jobs.cancel(maker.tenant, job.id)
    samples.remove(maker.tenant, job.sample_id)


def test_what_is_not_there_is_named(samples: Samples) -> None:
    for asked in (samples.get, samples.remove):
        with pytest.raises(
            NotFound, match="there is no sample 'smp_none'; `neuralib samples list`"
        ):
            asked("tenant", "smp_none")
