from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import httpx2
import pytest
from pydantic import SecretStr

from neuralib.server.metrics import Metrics
from neuralib.service.parts import opened_parts
from neuralib.service.reconcile import Reconciler
from neuralib.settings import Settings
from tests.server.event_gateway import running
from tests.server.gateway import Gateway, submit, upload
from tests.server.test_samples import wait_until
from tests.servers.redis import RedisServer

UP = {"state": "up", "code": None}


def test_a_gateway_is_alive_and_ready(http: httpx2.Client) -> None:
    assert http.get("/healthz").json() == {"status": "ok"}
    answer = http.get("/readyz")
    assert answer.status_code == 200
    assert answer.json() == {
        "status": "ready",
        "dependencies": {"database": UP, "storage": UP, "queue": UP, "events": UP},
    }


def test_metrics_tell_of_jobs_queues_and_http(http: httpx2.Client, gateway: Gateway) -> None:
    sample = upload(http)["id"]
    before = numbers(http)
    done, waiting = submit(http, sample), submit(http, sample, tempo_bpm=99)
    gateway.finish(done["id"])
    submit(http, sample)  # remembered: it never ran
    wait_until(lambda: changed(http, before, RUNS) == 1)
    assert changed(http, before, WAITS) == 1
    assert changed(http, before, 'neuralib_jobs{state="done",task="midi"}') == 2
    assert changed(http, before, 'neuralib_jobs{state="queued",task="midi"}') == 1
    assert changed(http, before, POSTS) == 3
    now = numbers(http)
    assert now['neuralib_queue_depth{lane="normal",task="midi"}'] >= 1
    assert now['neuralib_queue_age_seconds{lane="normal",task="midi"}'] > 0
    assert now["neuralib_sse_connections"] == 0
    assert now['neuralib_up{part="database"}'] == now['neuralib_up{part="queue"}'] == 1
    assert waiting["id"] not in http.get("/metrics").text
    with http.stream("GET", "/v1/events"):
        wait_until(lambda: numbers(http)["neuralib_sse_connections"] == 1)
    wait_until(lambda: numbers(http)["neuralib_sse_connections"] == 0)


RUNS = 'neuralib_job_run_seconds_count{state="done",task="midi"}'
WAITS = 'neuralib_job_wait_seconds_count{task="midi"}'
POSTS = 'neuralib_http_requests_total{method="POST",route="/v1/jobs",status="201"}'


def numbers(http: httpx2.Client) -> dict[str, float]:
    lines = re.findall(r"^(neuralib_\S+) (\S+)$", http.get("/metrics").text, re.MULTILINE)
    return {name: float(value) for name, value in lines}


def changed(http: httpx2.Client, before: dict[str, float], name: str) -> float:
    return numbers(http).get(name, 0.0) - before.get(name, 0.0)


def test_an_outage_is_told_and_loses_no_job(tmp_path: Path, redis_server: RedisServer) -> None:
    settings = Settings(data_dir=tmp_path, redis_url=SecretStr(redis_server.url))
    with (
        opened_parts(settings) as parts,
        running(parts, settings) as server,
        httpx2.Client(base_url=f"http://127.0.0.1:{server.port}", timeout=60) as http,
    ):
        sample = upload(http)["id"]
        redis_server.stop()
        job = submit(http, sample)
        answer = http.get("/readyz")
        assert (answer.status_code, answer.json()["status"]) == (503, "unready")
        states = answer.json()["dependencies"]
        assert {name: state["code"] for name, state in states.items() if state != UP} == {
            "queue": "queue_unreachable",
            "events": "events_unreachable",
        }
        assert numbers(http)['neuralib_up{part="queue"}'] == 0
        redis_server.start()
        wait_until(lambda: http.get("/readyz").status_code == 200)
        wait_until(lambda: put_again(parts, job))


def put_again(parts: Any, job: Any) -> bool:
    Reconciler(parts).sweep()
    return not parts.queue.missing([(job["id"], "midi")])


def test_every_app_has_its_own_metrics(gateway: Gateway) -> None:
    fresh = Metrics(gateway.parts)
    fresh.requests.labels("/v1/jobs", "GET", "200").inc()
    assert b'route="/v1/jobs",status="200"} 1.0' in fresh.text()


def test_the_documentation_is_complete(http: httpx2.Client) -> None:
    schema = http.get("/openapi.json").json()
    routes = {
        f"{method.upper()} {path}" for path, each in schema["paths"].items() for method in each
    }
    assert routes == {
        "POST /v1/samples", "GET /v1/samples", "GET /v1/samples/{sample_id}",
        "DELETE /v1/samples/{sample_id}", "GET /v1/samples/{sample_id}/audio",
        "POST /v1/jobs", "GET /v1/jobs", "GET /v1/jobs/{job_id}", "POST /v1/jobs/{job_id}/cancel",
        "POST /v1/jobs/{job_id}/retry", "GET /v1/jobs/{job_id}/artifacts/{name}",
        "GET /v1/jobs/{job_id}/archive", "GET /v1/events", "GET /v1/jobs/{job_id}/events",
        "GET /v1/workers", "GET /healthz", "GET /readyz", "GET /metrics",
    }  # fmt: skip
    for path, operations in schema["paths"].items():
        for operation in operations.values():
            assert operation["description"], path
            assert operation["tags"], path
            if path.startswith("/v1"):
                problems = operation["responses"]["4XX"]["content"]
                assert list(problems) == ["application/problem+json"], path
                assert operation["security"] == [{"HTTPBearer": []}], path
    examples = schema["paths"]["/v1/jobs"]["post"]["requestBody"]["content"]["application/json"]
    assert set(examples["examples"]) == {"separate", "midi", "transcribe"}


def test_the_page_of_the_routes_needs_nothing_else(http: httpx2.Client) -> None:
    schema = http.get("/openapi.json").json()
    answer = http.get("/docs")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert not re.search(r"<script|<link|<img|https?://|@import", answer.text)
    page = Page(answer.text)
    assert page.titles >= {
        f"{method.upper()} {path}" for path, each in schema["paths"].items() for method in each
    }
    assert set(page.links) - {"/openapi.json"} <= {f"#{name}" for name in page.anchors}
    assert set(page.anchors) == set(schema["components"]["schemas"])
    for option in ("tempo_bpm", "two_stems", "max_line_width", "idempotency-key", "cursor"):
        assert f"<code>{option}</code>" in answer.text


class Page(HTMLParser):
    """What a page has, and whether each element of it is closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.titles: set[str] = set()
        self.links: list[str] = []
        self.anchors: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag != "meta":
            self._open.append(tag)
        self.links += [value or "" for name, value in attrs if name == "href"]
        self.anchors += [value or "" for name, value in attrs if name == "id"]

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open[-2:-1] == ["h3"]:
            self.titles.add(data)


@pytest.mark.parametrize("kind", ["separate", "midi", "transcribe"])
def test_the_examples_can_be_sent(http: httpx2.Client, kind: str) -> None:
    schema = http.get("/openapi.json").json()
    body = schema["paths"]["/v1/jobs"]["post"]["requestBody"]["content"]["application/json"]
    example = body["examples"][kind]["value"] | {"sample_id": upload(http)["id"]}
    assert http.post("/v1/jobs", json=example).status_code == 201
