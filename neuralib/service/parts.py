"""What a gateway or a worker is made of: database, storage, queue and events."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

from neuralib.events.base import Events
from neuralib.events.open import open_events
from neuralib.jobs.database import Database
from neuralib.jobs.keys import Keys
from neuralib.jobs.open import open_database
from neuralib.jobs.repository import Jobs
from neuralib.jobs.samples import Samples
from neuralib.queue.base import Queue
from neuralib.queue.open import open_queue
from neuralib.settings import Settings
from neuralib.storage.base import Storage
from neuralib.storage.open import open_storage


@dataclass(frozen=True)
class Parts:
    """The parts of a cluster, opened; each may be used from any thread."""

    database: Database
    jobs: Jobs
    samples: Samples
    keys: Keys
    storage: Storage
    queue: Queue
    events: Events

    def close(self) -> None:
        """Let go of every connection; the parts cannot be used afterwards."""
        for part in (self.queue, self.events, self.storage, self.database):
            close = getattr(part, "close", None)
            if close is not None:
                close()


def open_parts(settings: Settings) -> Parts:
    """Open the parts that the settings name, and bring the database up to date.

    What is not named is a file, a folder, or inside this process.

    Raises:
        UsageError: where an address is written wrongly.
        OutputError: where the data folder cannot be written.
        ClusterError: where a service does not answer, or refuses.
    """
    database = open_database(settings)
    try:
        database.upgrade()
        return Parts(
            database=database,
            jobs=Jobs(database),
            samples=Samples(database),
            keys=Keys(database),
            storage=open_storage(settings),
            queue=open_queue(settings),
            events=open_events(settings),
        )
    except BaseException:
        database.close()
        raise


@contextlib.contextmanager
def opened_parts(settings: Settings) -> Iterator[Parts]:
    """Open the parts for the length of a `with` block; see `open_parts`."""
    parts = open_parts(settings)
    try:
        yield parts
    finally:
        parts.close()
