"""Jobs in the order in which they ended."""

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
    """A job that is done, failed or cancelled."""

    id: str
    tenant: str
    kind: TaskKind
    state: JobState
    attempt: int
    queued_at: datetime
    """Since when it waited, the last time."""
    started_at: datetime | None
    finished_at: datetime

    @property
    def ran(self) -> bool:
        """It ran to its end: it is no remembered result, and nobody cancelled it."""
        return self.attempt > 0 and self.state != "cancelled"

    @property
    def wait_seconds(self) -> float:
        """Time in the queue before its last run."""
        return max(0.0, (self._began - self.queued_at).total_seconds())

    @property
    def run_seconds(self) -> float:
        """Time of its last run."""
        return max(0.0, (self.finished_at - self._began).total_seconds())

    @property
    def _began(self) -> datetime:
        return self.started_at or self.finished_at


class EndedJobs:
    """The jobs of all tenants in the order in which they ended; each end is given once.

    Args:
        database: that they are in.
        before_seconds: begin with what ended so long before the first question.
        settled_seconds: give nothing that ended less than this ago.
    """

    def __init__(
        self,
        database: Database,
        *,
        before_seconds: float = 0.0,
        settled_seconds: float | None = None,
    ) -> None:
        self._database = database
        self._settled_seconds = _SETTLED_SECONDS if settled_seconds is None else settled_seconds
        self._before_seconds = self._settled_seconds + before_seconds
        self._place: tuple[datetime, str] | None = None

    def new(self) -> list[EndedJob]:
        """Give those that ended since the last question; one caller at a time.

        Raises:
            DatabaseUnreachable: where the database does not answer.
        """
        if self._place is None:
            with self._database.connect() as connection:
                now = connection.execute(select(DatabaseTime(-self._before_seconds))).scalar_one()
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
                jobs.c.finished_at < DatabaseTime(-self._settled_seconds),
            )
            .order_by(jobs.c.finished_at, jobs.c.id)
            .limit(_PAGE)
        )
        with self._database.connect() as connection:
            return [EndedJob(*row) for row in connection.execute(wanted)]
