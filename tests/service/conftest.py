"""Both forms of a cluster, without any server of ours."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from neuralib.service.parts import Parts, opened_parts
from neuralib.service.service import Service
from neuralib.settings import Settings


@pytest.fixture(params=["embedded", "servers"])
def parts(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Parts]:
    urls: dict[str, SecretStr] = {}
    if request.param == "servers":
        for name, fixture in (("database_url", "postgres_url"), ("redis_url", "redis_url")):
            urls[name] = SecretStr(request.getfixturevalue(fixture))
    with opened_parts(Settings(data_dir=tmp_path / "data", **urls)) as parts:
        yield parts


@pytest.fixture
def service(parts: Parts) -> Service:
    return Service(parts)
