"""Which runs have ended, so that nothing older is told after an end."""

from __future__ import annotations

from neuralib.events.event import Event

_KEPT_JOBS = 10_000
"""Jobs whose end is remembered; what is late is late by moments."""


class EndedRuns:
    """Knows what a worker still tells of a run that somebody else has ended meanwhile.

    A worker learns of a cancel later than the listeners do, and each tells the bus on its own. So
    `running` may come behind `cancelled`: it is old where its attempt is not above the ended one.
    """

    def __init__(self) -> None:
        self._attempts: dict[str, int] = {}

    def is_old(self, event: Event) -> bool:
        """Tell whether an event is of a run that has ended; take note of the end that it tells."""
        if event.final:
            self._attempts[event.job_id] = event.attempt
            if len(self._attempts) > 2 * _KEPT_JOBS:
                self._attempts = dict(list(self._attempts.items())[-_KEPT_JOBS:])
        return event.state == "running" and event.attempt <= self._attempts.get(event.job_id, -1)
