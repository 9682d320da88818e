"""Gateways: of one process alone, and on the real servers."""

from __future__ import annotations

from collections.abc import Iterator

import httpx2
import pytest
from pydantic import SecretStr

from neuralib.service.parts import opened_parts
from neuralib.settings import Settings
from tests.server.event_gateway import running
from tests.server.gateway import Gateway


@pytest.fixture(scope="module", params=["embedded", "servers"])
def gateway(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateway]:
    """A gateway without keys, for the tests of a module."""
    urls: dict[str, SecretStr] = {}
    if request.param == "servers":
        for name in ("database_url", "redis_url", "storage_url"):
            fixture = "postgres_url" if name == "database_url" else name
            urls[name] = SecretStr(request.getfixturevalue(fixture))
    settings = Settings(
        data_dir=tmp_path_factory.mktemp("gateway"), maximum_upload_bytes=1_000_000, **urls
    )
    with opened_parts(settings) as parts, running(parts, settings) as server:
        yield Gateway(parts, settings, f"http://127.0.0.1:{server.port}", server.app)


@pytest.fixture
def http(gateway: Gateway) -> Iterator[httpx2.Client]:
    """A client of the gateway."""
    with httpx2.Client(base_url=gateway.url, timeout=30) as client:
        yield client
