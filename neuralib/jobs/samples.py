"""All SQL about samples."""

from __future__ import annotations

import unicodedata

from sqlalchemy import Connection, delete, select

from neuralib.errors import Conflict, NotFound
from neuralib.jobs.database import Database
from neuralib.jobs.insert import insert_new
from neuralib.jobs.job import END_STATES
from neuralib.jobs.page import Page
from neuralib.jobs.pages import page_of
from neuralib.jobs.rows import SAMPLE_COLUMNS, as_sample
from neuralib.jobs.sample import Sample
from neuralib.jobs.tables import jobs, samples


class Samples:
    """The recordings of all tenants.

    Raises (all methods):
        DatabaseUnreachable: where the database does not answer.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, sample: Sample) -> tuple[Sample, bool]:
        """Keep a sample, unless its tenant has these bytes already.

        Returns:
            The sample that is kept, and whether it is the new one.
        """
        values = {**dict(sample), "search_name": _folded(sample.name)}
        with self._database.write() as connection:
            key = [samples.c.tenant, samples.c.sha256]
            added = insert_new(connection.dialect.name, samples, key)
            while True:
                row = connection.execute(added.returning(*SAMPLE_COLUMNS), values).first()
                if row is not None:
                    return as_sample(row), True
                first = _find(connection, sample.tenant, sample.sha256)
                if first is not None:  # else it was removed in between
                    return first, False

    def get(self, tenant: str, id: str) -> Sample:
        """Give one sample.

        Raises:
            NotFound: where this tenant has none with this id.
        """
        wanted = select(*SAMPLE_COLUMNS).where(samples.c.tenant == tenant, samples.c.id == id)
        with self._database.connect() as connection:
            row = connection.execute(wanted).first()
        if row is None:
            raise no_sample(id)
        return as_sample(row)

    def find(self, tenant: str, sha256: str) -> Sample | None:
        """Give the sample with these bytes, if this tenant has them."""
        with self._database.connect() as connection:
            return _find(connection, tenant, sha256)

    def list(
        self,
        tenant: str,
        *,
        query: str | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> Page[Sample]:
        """Give some samples of a tenant, the newest first.

        Args:
            tenant: whose.
            query: a part of the name, in capitals or not.
            cursor: of the page before.
            limit: most samples of this page.

        Raises:
            UsageError: for a limit that is not allowed.
        """
        wanted = select(*SAMPLE_COLUMNS).where(samples.c.tenant == tenant)
        if query:
            wanted = wanted.where(samples.c.search_name.contains(_folded(query), autoescape=True))
        with self._database.connect() as connection:
            rows = connection.execute(page_of(wanted, samples, cursor, limit)).all()
        items = tuple(as_sample(row) for row in rows[:limit])
        return Page(items=items, cursor=items[-1].id if len(rows) > limit else None)

    def remove(self, tenant: str, id: str) -> Sample:
        """Forget a sample, its jobs and what they made.

        Raises:
            NotFound: where this tenant has none with this id.
            Conflict: while one of its jobs is queued or running.
        """
        own = (samples.c.tenant == tenant, samples.c.id == id)
        of_it = (jobs.c.tenant == tenant, jobs.c.sample_id == id)
        with self._database.begin() as connection:
            # The locks keep new jobs from coming, and ended ones from being retried.
            row = connection.execute(select(*SAMPLE_COLUMNS).where(*own).with_for_update()).first()
            if row is None:
                raise no_sample(id)
            states = select(jobs.c.id, jobs.c.state).where(*of_it).with_for_update()
            live = [job for job in connection.execute(states) if job.state not in END_STATES]
            if live:
                raise Conflict(
                    f"sample {id} is in use: job {live[0].id} is {live[0].state}; cancel it, or "
                    "wait for its end"
                )
            connection.execute(delete(samples).where(*own))
        return as_sample(row)


def no_sample(id: str) -> NotFound:
    """Say that there is no such sample, whether it is another tenant's or nobody's."""
    return NotFound(f"there is no sample {id!r}; `neuralib samples list` shows those there are")


def _find(connection: Connection, tenant: str, sha256: str) -> Sample | None:
    wanted = select(*SAMPLE_COLUMNS).where(samples.c.tenant == tenant, samples.c.sha256 == sha256)
    row = connection.execute(wanted).first()
    return None if row is None else as_sample(row)


def _folded(name: str) -> str:
    """Make names comparable: the same letters in any capitals and any composition."""
    return unicodedata.normalize("NFKC", name).casefold()
