"""The database that the settings name."""

from __future__ import annotations

from sqlalchemy import URL

from neuralib.jobs.database import Database
from neuralib.settings import Settings

FILE_NAME = "neuralib.db"


def open_database(settings: Settings) -> Database:
    """Give the database of the cluster, or the file in this machine's data folder.

    Raises:
        UsageError: where the setting is not an address of a database.
    """
    if settings.database_url is not None:
        return Database(settings.database_url.get_secret_value())
    path = settings.data_dir.expanduser() / FILE_NAME
    return Database(URL.create("sqlite", database=str(path)).render_as_string())
