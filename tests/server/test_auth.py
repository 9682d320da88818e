from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from neuralib.errors import UsageError
from neuralib.server import auth, event_stream
from neuralib.server.auth import is_loopback
from neuralib.server.serve import serve
from neuralib.service.parts import Parts, opened_parts
from neuralib.settings import Settings
from tests.server.event_gateway import Gateway, running
from tests.server.gateway import song, submit, upload
from tests.server.test_samples import wait_until


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "data")


@pytest.fixture
def parts(settings: Settings) -> Iterator[Parts]:
    with opened_parts(settings) as parts:
        yield parts


@pytest.fixture
def url(parts: Parts, settings: Settings) -> Iterator[str]:
    """A gateway at 127.0.0.1, whose keys a test may make and revoke."""
    with running(parts, settings) as server:
        yield f"http://127.0.0.1:{server.port}"


def client(url: str, token: str) -> httpx2.Client:
    return httpx2.Client(base_url=url, headers={"Authorization": f"Bearer {token}"})


def test_without_any_key_this_machine_is_the_local_tenant(url: str, parts: Parts) -> None:
    with httpx2.Client(base_url=url) as http:
        sample = upload(http)
    assert parts.samples.get("local", sample["id"]).name == "song.wav"


def test_a_key_is_wanted_as_soon_as_there_is_one(
    url: str, parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(auth, "FRESH_SECONDS", 0.1)
    with httpx2.Client(base_url=url) as http:
        assert http.get("/v1/jobs").status_code == 200
        parts.keys.create("anna", "laptop")
        wait_until(lambda: http.get("/v1/jobs").status_code == 401)
        for path in ("/v1/jobs", "/v1/samples", "/v1/events", "/metrics"):
            answer = http.get(path)
            assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")
            assert answer.headers["www-authenticate"] == "Bearer"
        assert http.post("/v1/samples", content=song()).status_code == 401
        wrong = http.get("/v1/jobs", headers={"Authorization": "Bearer nl_wrong"})
        assert (wrong.status_code, wrong.json()["code"]) == (401, "unauthorized")
        for path in ("/healthz", "/readyz", "/openapi.json", "/docs"):
            assert http.get(path).status_code == 200


def test_a_stranger_sees_nothing_of_a_tenant(url: str, parts: Parts) -> None:
    _, anna = parts.keys.create("anna", "laptop")
    _, bert = parts.keys.create("bert", "laptop")
    data = song()
    with client(url, anna) as hers, client(url, bert) as his:
        sample = upload(hers, data=data)["id"]
        job = submit(hers, sample)["id"]
        for method, path in [
            ("GET", "/v1/samples/{}"),
            ("DELETE", "/v1/samples/{}"),
            ("GET", "/v1/samples/{}/audio"),
            ("GET", "/v1/jobs/{}"),
            ("POST", "/v1/jobs/{}/cancel"),
            ("POST", "/v1/jobs/{}/retry"),
            ("GET", "/v1/jobs/{}/archive"),
            ("GET", "/v1/jobs/{}/artifacts/notes.mid"),
            ("GET", "/v1/jobs/{}/events"),
        ]:
            known = sample if "samples" in path else job
            unknown = known[:-4] + "0000"
            told = his.request(method, path.format(known))
            same = his.request(method, path.format(unknown))
            assert told.status_code == same.status_code == 404
            assert told.text.replace(known, unknown) == same.text
        assert his.get("/v1/samples").json()["items"] == []
        assert his.get("/v1/jobs").json()["items"] == []
        assert his.get("/v1/jobs", params={"sample_id": sample}).json()["items"] == []
        body = {"task": {"kind": "midi"}, "sample_id": sample}
        assert his.post("/v1/jobs", json=body).status_code == 404
        own = his.post("/v1/samples", content=data)
        assert own.status_code == 201
        assert own.json()["id"] != sample


def test_a_remembered_result_is_its_tenants_alone(url: str, parts: Parts) -> None:
    data = song()
    states = []
    for tenant in ("anna", "bert"):
        _, token = parts.keys.create(tenant, "laptop")
        with client(url, token) as http:
            job = submit(http, upload(http, data=data)["id"])
            states.append(job["state"])
            claim = parts.jobs.claim(job["id"], "test")
            assert claim is not None
    assert states == ["queued", "queued"]


def test_a_stale_key_is_no_harm_where_none_is_wanted(url: str) -> None:
    with client(url, "nl_of_another_server") as http:
        assert http.get("/v1/jobs").status_code == 200


def test_a_revoked_key_ends_within_seconds(
    url: str, parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(auth, "FRESH_SECONDS", 0.1)
    parts.keys.create("anna", "other")
    key, token = parts.keys.create("anna", "laptop")
    with client(url, token) as http:
        assert http.get("/v1/jobs").status_code == 200
        parts.keys.revoke(key.id)
        wait_until(lambda: http.get("/v1/jobs").status_code == 401)


def test_a_door_that_was_shut_stays_so_without_the_last_key(
    parts: Parts, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(auth, "FRESH_SECONDS", 0.0)
    key, token = parts.keys.create("anna", "laptop")
    with running(parts, settings) as server, client(server_url(server), token) as http:
        parts.keys.revoke(key.id)  # nobody has asked for anything yet
        assert http.get("/v1/jobs").status_code == 401
        assert httpx2.get(f"{server_url(server)}/v1/jobs").status_code == 401
    with running(parts, settings) as server:
        assert httpx2.get(f"{server_url(server)}/v1/jobs").status_code == 200


def test_a_stream_ends_when_its_key_is_revoked(
    url: str, parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(auth, "FRESH_SECONDS", 0.0)
    monkeypatch.setattr(event_stream, "ADMITTED_SECONDS", 0.1)
    key, token = parts.keys.create("anna", "laptop")
    parts.keys.create("anna", "other")
    with client(url, token) as http, http.stream("GET", "/v1/events") as stream:
        texts = stream.iter_text()
        assert "retry:" in next(texts)
        parts.keys.revoke(key.id)
        assert list(texts) == []  # it ends, and whole
        assert http.get("/v1/events").status_code == 401


def server_url(server: Gateway) -> str:
    return f"http://127.0.0.1:{server.port}"


def test_a_key_is_asked_for_once_in_a_while(
    url: str, parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    tenant_of = type(parts.keys).tenant_of
    monkeypatch.setattr(
        type(parts.keys), "tenant_of", lambda self, t: asked.append(t) or tenant_of(self, t)
    )
    monkeypatch.setattr(auth, "FRESH_SECONDS", 60.0)
    _, token = parts.keys.create("anna", "laptop")
    with client(url, token) as http:
        for _ in range(5):
            assert http.get("/v1/jobs").status_code == 200
    assert len(asked) == 1


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "["},
        {"Origin": "http://["},
        {"Host": "127.0.0.1.evil.example"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
    ],
)
def test_a_page_of_another_site_gets_nothing_without_a_key(
    url: str, headers: dict[str, str], parts: Parts
) -> None:
    with httpx2.Client(base_url=url, headers=headers) as http:
        for answer in (http.get("/v1/samples"), http.post("/v1/samples", content=song())):
            assert (answer.status_code, answer.json()["code"]) == (403, "unauthorized")
            assert not [name for name in answer.headers if name.startswith("access-control")]
    assert parts.samples.list("local").items == ()


def test_pages_of_this_server_are_no_strangers(url: str) -> None:
    port = url.rpartition(":")[2]
    own = {"Host": f"localhost:{port}", "Origin": f"http://localhost:{port}"}
    assert httpx2.get(f"{url}/v1/samples", headers=own).status_code == 200


def test_with_a_key_any_name_of_the_server_is_right(url: str, parts: Parts) -> None:
    _, token = parts.keys.create("anna", "laptop")
    with client(url, token) as http:
        assert http.get("/v1/jobs", headers={"Host": "music.example"}).status_code == 200


def test_other_machines_are_served_only_when_a_key_exists(parts: Parts, settings: Settings) -> None:
    with pytest.raises(UsageError, match="neuralib keys create"):
        serve(settings, parts, host="0.0.0.0", port=0)
    parts.keys.create("anna", "laptop")
    with running(parts, settings, public=True) as server:
        url = f"http://127.0.0.1:{server.port}"
        assert httpx2.get(f"{url}/v1/jobs").status_code == 401
        for key in parts.keys.list():
            parts.keys.revoke(key.id)
        assert httpx2.get(f"{url}/v1/jobs").status_code == 401


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("localhost", True), ("127.0.0.1", True), ("127.8.9.1", True), ("::1", True),
        ("app.localhost", True), ("0.0.0.0", False), ("::", False), ("192.168.1.5", False),
        ("localhost.evil.example", False), ("", False),
    ],
)  # fmt: skip
def test_loopback_is_told_from_all_else(host: str, expected: bool) -> None:
    assert is_loopback(host) == expected
