"""How long jobs waited and ran, for statistics."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import select, tuple_

from neuralib.jobs.database import Database
from neuralib.jobs.job import JobState, TaskKind
from neuralib.jobs.tables import jobs
from neuralib.jobs.times import DatabaseTime

_SETTLED_SECONDS = 1.0
"""What ended later may still be committed out of order."""
_PAGE = 1000


class EndedJob(NamedTuple):
    """A job that is done or failed."""

    id: str
    kind: TaskKind
    state: JobState
    queued_at: datetime
    """Since when it waited, the last time."""
    started_at: datetime
    finished_at: datetime

    @property
    def wait_seconds(self) -> float:
        """Time in the queue before its last run."""
        return max(0.0, (self.started_at - self.queued_at).total_seconds())

    @property
    def run_seconds(self) -> float:
        """Time of its last run."""
        return max(0.0, (self.finished_at - self.started_at).total_seconds())


class EndedJobs:
    """The jobs of all tenants in the order in which they ended; each is given once.

    Remembered results, which never ran, and cancelled jobs are left out.
    """

    def __init__(self, database: Database) -> None:
        """Begin with what ends from the first question on."""
        self._database = database
        self._place: tuple[datetime, str] | None = None

    def new(self) -> list[EndedJob]:
        """Give those that ended since the last question; one caller at a time.

        Raises:
            DatabaseUnreachable: where the database does not answer.
        """
        if self._place is None:
            with self._database.connect() as connection:
                now = connection.execute(select(DatabaseTime(-_SETTLED_SECONDS))).scalar_one()
            self._place = (now, "")
        found: list[EndedJob] = []
        while page := self._page(self._place):
            found += page
            self._place = (page[-1].finished_at, page[-1].id)
        return found

    def _page(self, place: tuple[datetime, str]) -> list[EndedJob]:
        wanted = (
            select(*(jobs.c[name] for name in EndedJob._fields))
            .where(
                tuple_(jobs.c.finished_at, jobs.c.id) > place,
                jobs.c.finished_at < DatabaseTime(-_SETTLED_SECONDS),
                jobs.c.state.in_(("done", "failed")),
                jobs.c.attempt > 0,
            )
            .order_by(jobs.c.finished_at, jobs.c.id)
            .limit(_PAGE)
        )
        with self._database.connect() as connection:
            return [EndedJob(*row) for row in connection.execute(wanted)]
