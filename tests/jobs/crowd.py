"""Several processes with several threads each, all at once at one database."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from threading import Barrier
from typing import Any

from neuralib.jobs.database import Database
from neuralib.jobs.job import Job, JobArtifact
from neuralib.jobs.repository import Jobs
from neuralib.jobs.sample import Sample
from neuralib.jobs.samples import Samples
from tests.jobs.makers import RESULT

PROCESSES = 4
THREADS = 5

Work = Callable[[str, Any], Any]
Run = Callable[[Work, str, Sequence[Any]], list[Any]]


@contextmanager
def crowd() -> Iterator[Run]:
    """Give a function that does `work(url, item)` for each item, in all threads at once."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(PROCESSES, mp_context=context) as pool:

        def run(work: Work, url: str, items: Sequence[Any]) -> list[Any]:
            parts = [items[first::PROCESSES] for first in range(PROCESSES)]
            done = pool.map(_work, [work] * PROCESSES, [url] * PROCESSES, parts)
            return [result for results in done for result in results]

        yield run


def _work(work: Work, url: str, items: Sequence[Any]) -> list[Any]:
    threads = min(THREADS, len(items))
    together = Barrier(threads)

    def begin() -> None:
        together.wait(30)

    with ThreadPoolExecutor(threads, initializer=begin) as pool:
        return list(pool.map(work, [url] * len(items), items))


_OPEN: dict[str, Database] = {}


def _database(url: str) -> Database:
    return _OPEN.setdefault(url, Database(url))


def claim(url: str, id: str) -> tuple[str, str] | None:
    claim = Jobs(_database(url)).claim(id, "worker")
    return None if claim is None else (id, claim.lease)


def claim_and_finish(url: str, id: str) -> str | None:
    jobs = Jobs(_database(url))
    claim = jobs.claim(id, "worker")
    if claim is None:
        return None
    made = JobArtifact(name="notes.mid", kind="notes", bytes=1, sha256=claim.lease)
    assert jobs.finish(id, claim.lease, RESULT, (made,)) is not None
    return claim.lease


def sweep(url: str, _: object) -> list[str]:
    return [job.id for job in Jobs(_database(url)).sweep()]


def end(url: str, what: tuple[str, str, str, str]) -> str | None:
    """Finish or cancel a job; tell which was done."""
    how, tenant, id, lease = what
    jobs = Jobs(_database(url))
    if how == "finish":
        return "done" if jobs.finish(id, lease, RESULT, ()) else None
    if how == "crash":
        return "queued" if jobs.crash(id, lease, "killed") else None
    try:
        return jobs.cancel(tenant, id).state
    except Exception as error:
        return type(error).__name__


def add_job(url: str, job: Job) -> tuple[str, bool]:
    words = {"lane": "normal", "result_key": "key"}
    request = {"idempotency_key": "once", "request_sha256": "aa"}
    kept, new = Jobs(_database(url)).add(job, **words, **request)  # type: ignore[arg-type] # literals
    return kept.id, new


def add_sample(url: str, sample: Sample) -> tuple[str, bool]:
    kept, new = Samples(_database(url)).add(sample)
    return kept.id, new


def add_or_remove(url: str, what: Job | tuple[str, str]) -> str:
    """Add a job, or remove its sample; tell how it went."""
    try:
        if isinstance(what, Job):
            Jobs(_database(url)).add(what, lane="normal", result_key="key")
            return "added"
        Samples(_database(url)).remove(*what)
        return "removed"
    except Exception as error:
        return type(error).__name__


def upgrade(url: str, _: object) -> None:
    database = Database(url)
    database.upgrade()
    database.close()
