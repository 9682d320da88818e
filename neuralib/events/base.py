"""What every event bus can do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping

from neuralib.events.event import Entry, Event

KEPT_EVENTS = 10_000
"""Events of a tenant that can be replayed; older ones are forgotten."""


class Events(ABC):
    """One capped stream of events a tenant.

    All of them may be called from any thread.

    Raises (all methods but `close`):
        EventsUnreachable: where the bus does not answer.
    """

    @abstractmethod
    def publish(self, tenant: str, event: Event) -> str:
        """Append an event; give its id. What is to be published is committed in SQL before."""

    @abstractmethod
    def last_id(self, tenant: str) -> str:
        """Give the id of the newest event; before the first, one that `since` takes as well."""

    @abstractmethod
    def since(self, tenant: str, after: str, limit: int | None = None) -> list[Entry] | None:
        """Give the events after the id `after`, the oldest first; at most `limit` of them.

        Returns:
            None where `after` is older than the stream reaches, or no id of it: some events
            were missed.
        """

    @abstractmethod
    def newest(self, tenant: str, limit: int) -> list[Entry]:
        """Give the newest events, `limit` of them at most, the oldest first."""

    @abstractmethod
    def wait(self, after: Mapping[str, str], timeout_seconds: float) -> dict[str, list[Entry]]:
        """Wait until one of several tenants has events after an id; one caller at a time.

        Args:
            after: for each tenant the id after which its events are wanted.
            timeout_seconds: give up (with an empty result) after this long.

        Returns:
            The events of the tenants that have some, the oldest first; not always all of them.
        """

    @abstractmethod
    def wake(self) -> None:
        """Let the `wait` of another thread return at once, or the next one if there is none."""

    @abstractmethod
    def ping(self) -> None:
        """Make sure that the bus answers."""

    @abstractmethod
    def close(self) -> None:
        """Let go of all connections."""
