from __future__ import annotations

import logging
import socket
from typing import Any

import httpx2
import pytest

from neuralib.errors import DatabaseUnreachable
from tests.server.gateway import Gateway, song, upload


def check(answer: httpx2.Response, status: int, code: str, detail: str) -> None:
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    problem: Any = answer.json()
    assert list(problem) == ["type", "title", "status", "detail", "code"]
    assert (problem["status"], problem["code"]) == (status, code)
    assert detail in problem["detail"]


def test_an_unknown_address_is_a_problem(http: httpx2.Client) -> None:
    check(http.get("/v2/jobs"), 404, "not_found", "/v2/jobs")
    check(http.get("/v1/jobs/x"), 404, "not_found", "job 'x'")


def test_another_method_is_a_problem(http: httpx2.Client) -> None:
    answer = http.put("/v1/jobs/x")
    check(answer, 405, "usage", "takes GET, not PUT")
    assert answer.headers["allow"] == "GET"
    answer = http.put("/v1/jobs")
    check(answer, 405, "usage", "takes GET, POST, not PUT")
    assert answer.headers["allow"] == "GET, POST"


def test_an_address_with_a_slash_too_many_leads_nowhere(http: httpx2.Client) -> None:
    answer = http.get("/v1/jobs/", headers={"Host": "evil.example"})
    check(answer, 404, "not_found", "there is no /v1/jobs/")


@pytest.mark.parametrize("words", ["q=", "cursor="])
def test_a_list_wants_short_words(http: httpx2.Client, words: str) -> None:
    upload(http)
    check(http.get(f"/v1/samples?{words}{'a' * 60_000}"), 400, "usage", "at most")


def test_an_outage_shows_nothing_of_the_inside(
    http: httpx2.Client,
    gateway: Gateway,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def away(*_: object, **__: object) -> None:
        raise DatabaseUnreachable("the database postgresql://me@inside/db cannot be used")

    monkeypatch.setattr(gateway.app.state.service, "jobs", away)
    with caplog.at_level(logging.WARNING):
        answer = http.get("/v1/jobs")
    check(answer, 503, "database_unreachable", "the database cannot be used now; try again")
    assert "inside" not in answer.text
    assert "me@inside" in caplog.text


def test_what_is_no_json_is_a_problem(http: httpx2.Client) -> None:
    headers = {"Content-Type": "application/json"}
    check(http.post("/v1/jobs", content=b"{", headers=headers), 400, "usage", "not JSON")
    check(http.post("/v1/jobs", data={"task": "midi"}), 400, "usage", "x-www-form-urlencoded")
    bad = b'{"task": {"kind": "midi", "tempo_bpm": NaN}, "sample_id": "x"}'
    check(http.post("/v1/jobs", content=bad, headers=headers), 400, "usage", "tempo_bpm: got nan")


@pytest.mark.parametrize(
    "text",
    [
        '{"task": {"kind": "transcribe", "language": "\\ud800"}, "sample_id": "x"}',
        '{"task": {"kind": "midi", "tempo_bpm": ' + "9" * 5000 + '}, "sample_id": "x"}',
        '{"task": {"kind": "midi", "model": "' + "x" * 100_000 + '/"}, "sample_id": "x"}',
        "[" * 100_000,
        '"\\u0000"',
    ],
)
def test_odd_json_is_a_short_problem(http: httpx2.Client, text: str) -> None:
    answer = http.post("/v1/jobs", content=text, headers={"Content-Type": "application/json"})
    assert answer.status_code in (400, 422)
    assert answer.headers["content-type"] == "application/problem+json"
    assert len(answer.text) < 1500


def test_a_body_that_is_no_upload_is_limited(http: httpx2.Client) -> None:
    big = b'{"task": "' + b"x" * (1 << 20) + b'"}'
    headers = {"Content-Type": "application/json"}
    check(http.post("/v1/jobs", content=big, headers=headers), 413, "too_large", "1048576")
    pieces = (big[start : start + 100_000] for start in range(0, len(big), 100_000))
    check(http.post("/v1/jobs", content=pieces, headers=headers), 413, "too_large", "1048576")


def test_a_nul_is_refused_before_a_database_sees_it(http: httpx2.Client) -> None:
    for path in ("/v1/jobs/%00", "/v1/samples?q=%00", "/v1/jobs?cursor=a%00"):
        check(http.get(path), 400, "usage", "NUL")


def test_a_fault_shows_nothing_of_the_inside(
    http: httpx2.Client,
    gateway: Gateway,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise KeyError("a secret")

    monkeypatch.setattr(gateway.app.state.service, "jobs", broken)
    with caplog.at_level(logging.ERROR):
        answer = http.get("/v1/jobs")
    check(answer, 500, "internal", "a fault of NeuraLib")
    assert "secret" not in answer.text
    record = next(each for each in caplog.records if each.__dict__.get("action") == "http.fault")
    assert record.__dict__["fault"] in answer.json()["detail"]
    assert record.exc_info
    assert http.get("/healthz").status_code == 200


def test_a_fault_in_the_middle_of_an_answer_ends_the_connection(
    http: httpx2.Client, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    sample = upload(http, data=song(300_000))

    def broken(*_: object) -> Any:
        yield b"some"
        raise KeyError("a secret")

    monkeypatch.setattr(gateway.parts.storage, "read", broken)
    with pytest.raises(httpx2.RemoteProtocolError):
        http.get(f"/v1/samples/{sample['id']}/audio")


def test_ids_do_not_multiply_the_metrics(http: httpx2.Client) -> None:
    http.get("/v1/jobs/job_made_up")
    http.get("/made/up")
    text = http.get("/metrics").text
    assert 'route="/v1/jobs/{job_id}",status="404"' in text
    assert "made" not in text


def test_a_method_that_nobody_knows_does_not_either(gateway: Gateway, http: httpx2.Client) -> None:
    host, _, port = gateway.url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), 30) as connection:
        connection.sendall(b"PROPFIND /v1/jobs HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert b"405" in connection.recv(100)
    assert "PROPFIND" not in http.get("/metrics").text
