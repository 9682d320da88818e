"""The keys of the settings' database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from neuralib.jobs.keys import Keys
from neuralib.jobs.open import open_database
from neuralib.settings import Settings


@contextmanager
def opened_keys(settings: Settings) -> Iterator[Keys]:
    """Open the keys, in a database that is brought up to date first.

    Raises:
        DatabaseUnreachable: where it does not answer.
    """
    database = open_database(settings)
    try:
        database.upgrade()
        yield Keys(database)
    finally:
        database.close()
