"""Storages of both forms, each with a corner of its own for every test."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from pathlib import Path

import pytest

from neuralib.settings import Settings
from neuralib.storage.base import Storage
from neuralib.storage.open import open_storage
from tests.servers.s3 import S3Server

Key = Callable[[str], str]
File = Callable[[bytes], Path]


def opened(url: str) -> Storage:
    return open_storage(Settings(storage_url=url))  # type: ignore[arg-type]


@pytest.fixture(scope="session")
def s3_storage(storage_url: str) -> Storage:
    return opened(storage_url)


@pytest.fixture(params=["folder", "s3"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    if request.param == "folder":
        return opened((tmp_path / "a folder #1").as_uri())
    found: Storage = request.getfixturevalue("s3_storage")
    return found


@pytest.fixture
def prefix() -> str:
    return f"t-{secrets.token_hex(6)}"


@pytest.fixture
def key(prefix: str) -> Key:
    """Name an object that no other test has."""
    return lambda name: f"{prefix}/{name}"


@pytest.fixture
def file(tmp_path: Path) -> File:
    """Write a file."""

    def write(data: bytes) -> Path:
        path = tmp_path / f"file-{secrets.token_hex(4)}"
        path.write_bytes(data)
        return path

    return write


def new_bucket(server: S3Server) -> str:
    return server.bucket(f"neuralib-{secrets.token_hex(6)}")
