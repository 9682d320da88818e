"""What answers in the place of a gateway is told in one line."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from neuralib.client import Client
from neuralib.errors import (
    ClusterError,
    DatabaseUnreachable,
    ServerUnreachable,
    TooLarge,
    Unauthorized,
    UsageError,
)
from neuralib.jobs.job import Job, JobArtifact

EMPTY_PAGE = b'{"items":[],"cursor":null}'


@contextlib.contextmanager
def stranger(*answers: tuple[int, str, bytes], **headers: str) -> Iterator[tuple[str, list[str]]]:
    """A server that gives these answers in turn, and the last one for ever."""
    heard: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            status, kind, body = answers[min(len(heard), len(answers) - 1)]
            heard.append(self.path)
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", heard
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def problem(status: int, code: str, detail: str) -> tuple[int, str, bytes]:
    body = f'{{"title":"t","status":{status},"detail":"{detail}","code":"{code}"}}'
    return status, "application/problem+json", body.encode()


HTML = "text/html; charset=utf-8"


@pytest.mark.parametrize(
    ("answer", "kind", "message"),
    [
        ((200, HTML, b"<h1>Welcome</h1>"), ServerUnreachable, "no NeuraLib server's answer"),
        ((200, "application/json", b"{"), ServerUnreachable, "no NeuraLib server's answer"),
        ((200, "application/json", b"[1]"), ServerUnreachable, "this version cannot read"),
        ((404, HTML, b"nothing"), ServerUnreachable, "answered 404 Not Found"),
        ((500, HTML, b"oh"), ServerUnreachable, "answered 500"),
        ((401, HTML, b"who?"), Unauthorized, "a password of its own"),
        ((413, HTML, b"big"), TooLarge, "takes no upload of this size"),
        (problem(401, "unauthorized", "no key"), Unauthorized, "^no key$"),
        (problem(418, "tea", "a pot"), ClusterError, "^a pot$"),
    ],
)
def test_an_answer_that_is_not_ours(
    answer: tuple[int, str, bytes], kind: type[ClusterError], message: str
) -> None:
    with stranger(answer) as (url, heard), Client(url) as client:
        with pytest.raises(kind, match=message):
            client.check()
        assert len(heard) == 1


def test_a_redirect_is_named_and_not_followed() -> None:
    with stranger((307, HTML, b""), Location="https://other.example/") as (url, heard):
        with (
            Client(url) as client,
            pytest.raises(ServerUnreachable, match=r"https://other\.exampl"),
        ):
            client.check()
        assert len(heard) == 1


def test_an_overloaded_server_is_asked_again() -> None:
    busy = (503, HTML, b"busy")
    with stranger(busy, (502, HTML, b""), (200, "application/json", EMPTY_PAGE)) as (url, heard):
        with Client(url) as client:
            assert client.samples().items == ()
        assert len(heard) == 3


def test_a_server_that_stays_overloaded_is_given_up() -> None:
    with stranger((502, HTML, b"")) as (url, heard), Client(url, patience_seconds=0.3) as client:
        with pytest.raises(ServerUnreachable, match="502 Bad Gateway"):
            client.check()
        assert len(heard) > 1


def test_a_cluster_without_its_database_is_told_as_that() -> None:
    away = problem(503, "database_unreachable", "no database")
    with (
        stranger(away) as (url, _),
        Client(url, patience_seconds=0.3) as client,
        pytest.raises(DatabaseUnreachable, match="no database"),
    ):
        client.check()


def test_nobody_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with (
        Client(f"127.0.0.1:{port}") as client,
        pytest.raises(ServerUnreachable, match=f"cannot reach .*:{port}.*neuralib serve"),
    ):
        client.check()


def test_tls_where_there_is_none() -> None:
    with (
        stranger((200, HTML, b"")) as (url, _),
        Client(url.replace("http:", "https:")) as client,
        pytest.raises(ServerUnreachable, match=r"cannot speak TLS .*http or https"),
    ):
        client.check()


def test_a_proxy_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    with stranger((503, HTML, b"")) as (url, heard):
        monkeypatch.setenv("HTTP_PROXY", url)
        with (
            Client("http://neuralib.example", patience_seconds=0.1) as client,
            pytest.raises(ServerUnreachable, match=r"neuralib\.example answered 503"),
        ):
            client.check()
        assert heard[0].startswith("http://neuralib.example")


def test_no_proxy_is_asked_for_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    with stranger((200, "application/json", EMPTY_PAGE)) as (url, _), Client(url) as client:
        client.check()


@pytest.mark.parametrize(
    "server", ["", "ftp://host", "http://", "http://host:port", "http://h?q=1"]
)
def test_what_is_no_address(server: str) -> None:
    with pytest.raises(UsageError, match="NEURALIB_SERVER"):
        Client(server)


def test_a_password_in_the_address_is_not_told() -> None:
    with (
        stranger((404, HTML, b"")) as (url, _),
        Client(url.replace("//", "//me:secret@")) as client,
        pytest.raises(ServerUnreachable) as caught,
    ):
        client.check()
    assert "secret" not in caught.value.message


def test_a_token_that_cannot_be_one() -> None:
    with pytest.raises(UsageError, match="NEURALIB_TOKEN"):
        Client("http://127.0.0.1:1", "nl_ab\ncd")


def test_bytes_that_are_not_those_that_were_told(tmp_path: Path) -> None:
    job = Job.model_validate(
        {
            "id": "job_" + "1" * 32,
            "sample_id": "smp_" + "1" * 32,
            "task": {"kind": "midi"},
            "state": "done",
            "progress": 1,
            "attempt": 1,
            "error": None,
            "result": None,
            "artifacts": [],
            "created_at": "2026-01-01T00:00:00Z",
            "started_at": None,
            "finished_at": None,
        }
    )
    artifact = JobArtifact(name="notes.mid", kind="notes", bytes=4, sha256="0" * 64)
    with stranger((200, "audio/midi", b"MThd")) as (url, heard), Client(url) as client:
        with pytest.raises(ClusterError, match="another sha256"):
            client.fetch_artifact(job, artifact, tmp_path / "notes.mid")
        assert heard == [f"/v1/jobs/{job.id}/artifacts/notes.mid"] * 2
