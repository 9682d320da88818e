"""Telling the listeners of ends that nobody told them of."""

from __future__ import annotations

import logging
from collections import defaultdict, deque
from collections.abc import Iterable

from neuralib.errors import NotFound
from neuralib.events.base import KEPT_EVENTS
from neuralib.jobs.ended import EndedJob, EndedJobs
from neuralib.service.announce import event_of
from neuralib.service.parts import Parts

_LOG = logging.getLogger(__name__)

_SETTLED_SECONDS = 5.0
"""Whoever committed an end less than this ago may still be about to tell it."""
_BEFORE_SECONDS = 60.0
"""What ended so long before the start is looked at too: the gap may be the one of a restart."""
_PAGE = 1000
"""Events that are read first: most ends are among the newest."""


class Untold:
    """Finds ends in SQL that are not in the stream, and publishes them.

    An end is committed, then told: a process that dies between the two, or a bus that is away
    then, leaves a gap that only this closes for those who follow all jobs. Where several
    processes look at the same time an end may be told twice, which is no news to a listener.
    """

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._ended = EndedJobs(
            parts.database, before_seconds=_BEFORE_SECONDS, settled_seconds=_SETTLED_SECONDS
        )
        # A stream holds no more; what comes out here in an outage would be out of it too.
        self._waiting: deque[EndedJob] = deque(maxlen=KEPT_EVENTS)

    def tell(self) -> None:
        """Look at what ended since the last time, and tell what nobody told.

        Raises:
            ClusterError: where SQL or the bus does not answer; the next call looks again.
        """
        self._waiting.extend(self._ended.new())
        by_tenant: dict[str, list[EndedJob]] = defaultdict(list)
        for each in self._waiting:
            by_tenant[each.tenant].append(each)
        for tenant, ended in by_tenant.items():
            for each in self._missing(tenant, ended):
                self._tell(each)
        self._waiting.clear()

    def _missing(self, tenant: str, ended: Iterable[EndedJob]) -> list[EndedJob]:
        """Leave out those that the stream has, and those that are older than all of it."""
        left = list(ended)
        for limit in (_PAGE, KEPT_EVENTS):
            newest = [entry.event for entry in self._parts.events.newest(tenant, limit)]
            told = {(event.job_id, event.state, event.attempt) for event in newest}
            left = [each for each in left if (each.id, each.state, each.attempt) not in told]
            if not left:
                return []
        return [each for each in left if newest and newest[0].at <= each.finished_at]

    def _tell(self, ended: EndedJob) -> None:
        try:
            job = self._parts.jobs.get(ended.tenant, ended.id)
        except NotFound:  # removed, with its sample
            return
        if (job.state, job.attempt) != (ended.state, ended.attempt):  # it was retried
            return
        self._parts.events.publish(job.tenant, event_of(job))
        _LOG.warning(
            "told that job %s is %s, for nobody had",
            *(job.id, job.state),
            extra={"action": "event.told_late", "job_id": job.id},
        )
