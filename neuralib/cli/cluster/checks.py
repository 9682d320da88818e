"""What `neuralib doctor` says of the cluster that the settings name."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pydantic import SecretStr

from neuralib.errors import NeuraLibError
from neuralib.settings import Settings

if TYPE_CHECKING:
    from neuralib.cli.checks import Check


def cluster_checks(settings: Settings) -> Iterator[Check]:
    """Look at each part of a cluster that is set; without any there is nothing to look at."""
    parts: list[tuple[str, str | SecretStr | None, Callable[[Settings], str]]] = [
        ("server", settings.server, _server),
        ("database", settings.database_url, _database),
        ("redis", settings.redis_url, _redis),
        ("storage", settings.storage_url, _storage),
    ]
    for name, address, ask in parts:
        if address is not None:
            yield _check(name, address, lambda ask=ask: ask(settings))  # type: ignore[misc] # mypy infers no type for a lambda's default


def _check(name: str, address: str | SecretStr, ask: Callable[[], str]) -> Check:
    from neuralib.cli.checks import Check

    shown = _without_password(address)
    try:
        return Check("cluster", name, True, f"{shown} {ask()}", needed=False)
    except NeuraLibError as error:
        return Check("cluster", name, False, shown, error.message, needed=False)


def _server(settings: Settings) -> str:
    from neuralib.client import Client

    assert settings.server is not None
    token = settings.token.get_secret_value() if settings.token else None
    with Client(settings.server, token) as client:
        client.check()
    return "answers, and takes the token" if token else "answers"


def _database(settings: Settings) -> str:
    from neuralib.jobs.open import open_database

    with closing(open_database(settings)) as database:
        database.ping()
    return "answers"


def _redis(settings: Settings) -> str:
    from neuralib.queue.open import open_queue

    queue = open_queue(settings)
    queue.ping()
    workers = queue.workers()
    kinds = sorted({kind for worker in workers for kind in worker.kinds})
    count = "1 worker" if len(workers) == 1 else f"{len(workers)} workers"
    return f"answers; {count}" + (f" for {', '.join(kinds)}" if kinds else "")


def _storage(settings: Settings) -> str:
    from neuralib.storage.open import open_storage

    open_storage(settings).ping()
    return "can be written and read"


def _without_password(address: str | SecretStr) -> str:
    """Give the address as far as it may be shown."""
    text = address if isinstance(address, str) else address.get_secret_value()
    try:
        parts = urlsplit(text)
    except ValueError:
        return "set"
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="").geturl()
