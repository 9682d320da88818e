"""The page of the HTTP API has every route, and the gateway's page every metric."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

from neuralib.server.app import create_app
from neuralib.service.parts import opened_parts
from neuralib.settings import Settings
from tests.conftest import ROOT


@pytest.fixture
def app(tmp_path: Path) -> Iterator[FastAPI]:
    settings = Settings(data_dir=tmp_path)
    with opened_parts(settings) as parts:
        yield create_app(parts, settings, public=False)


def test_every_route_is_on_its_page_with_its_parameters(app: FastAPI) -> None:
    text = (ROOT / "docs" / "http.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `([A-Z]+ \S+)` \| (.*)$", text, re.MULTILINE))
    operations = {
        f"{method.upper()} {path}": operation
        for path, methods in app.openapi()["paths"].items()
        for method, operation in methods.items()
    }
    assert set(rows) == set(operations)
    for route, operation in operations.items():
        statuses = {each for each in operation["responses"] if each[0] == "2" and each != "200"}
        assert statuses <= set(re.findall(r"\b\d{3}\b", rows[route])), route
        queries = {
            each["name"]
            for each in operation.get("parameters", ())
            if each["in"] == "query" and each["name"] not in ("cursor", "limit")
        }
        assert {name for name in queries if name not in rows[route]} == set(), route


def test_every_metric_is_on_the_page_of_the_gateway(app: FastAPI) -> None:
    text = (ROOT / "docs" / "cluster" / "gateway.md").read_text(encoding="utf-8")
    documented = set(re.findall(r"`(neuralib_\w+)`", text))
    with TestClient(app, base_url="http://127.0.0.1", client=("127.0.0.1", 1)) as client:
        told = client.get("/metrics").text
    families = text_string_to_metric_families(told)
    names = {
        f"{family.name}_total" if family.type == "counter" else family.name for family in families
    }
    assert {name for name in names if name.startswith("neuralib_")} == documented
