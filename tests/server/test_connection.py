"""What a client may send before there is a request, byte by byte."""

from __future__ import annotations

import json
import socket
from http.client import HTTPResponse
from typing import Any

import httpx2
import pytest

from neuralib.server import connection
from tests.server.gateway import Gateway, upload

HOST = b"Host: localhost\r\n"


def connect(gateway: Gateway) -> socket.socket:
    host, _, port = gateway.url.removeprefix("http://").partition(":")
    return socket.create_connection((host, int(port)), 30)


def send(gateway: Gateway, *blocks: bytes) -> bytes:
    """Send until the server has enough; give all that it answers."""
    answer = b""
    with connect(gateway) as client:
        try:
            for block in blocks:
                client.sendall(block)
            client.shutdown(socket.SHUT_WR)
            while block := client.recv(65536):
                answer += block
        except OSError:  # it was cut
            pass
    return answer


def is_dropped(client: socket.socket) -> bool:
    try:
        return client.recv(1) == b""
    except ConnectionError:
        return True


def flood(client: socket.socket, block: bytes) -> None:
    for _ in range(1000):
        client.sendall(block)


def problem_in(answer: bytes) -> Any:
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"application/problem+json" in head
    return json.loads(body)


@pytest.mark.parametrize(
    "request_",
    [b"nonsense\r\n\r\n", b"GET / HTTP/1.1\r\n" + HOST + b"Content-Length: -1\r\n\r\n"],
)
def test_what_is_no_http_gets_a_problem(gateway: Gateway, request_: bytes) -> None:
    problem = problem_in(send(gateway, request_))
    assert (problem["status"], problem["code"]) == (400, "usage")


@pytest.mark.parametrize("begin", [b"GET /", b"GET / HTTP/1.1\r\n" + HOST + b"X: "])
def test_a_head_that_does_not_end_is_cut(gateway: Gateway, begin: bytes) -> None:
    answer = send(gateway, begin + b"a" * connection.HEAD_BYTES, b"a" * 10)
    if answer:  # else the connection was reset before it was read
        assert problem_in(answer)["status"] == 431
    with connect(gateway) as client:
        client.sendall(begin)
        with pytest.raises(ConnectionError):
            flood(client, b"a" * 65536)


def test_headers_behind_a_body_are_cut_too(gateway: Gateway) -> None:
    begin = b"POST /v1/samples HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n"
    with connect(gateway) as client:
        client.sendall(begin + b"1\r\na\r\n0\r\n")
        with pytest.raises(ConnectionError):
            flood(client, b"X: " + b"a" * 65536 + b"\r\n")


def test_a_body_in_tiny_chunks_is_no_head(gateway: Gateway, http: httpx2.Client) -> None:
    chunks = b"1\r\na\r\n" * 50_000
    request = b"POST /v1/samples HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n"
    with connect(gateway) as client:
        client.sendall(request + chunks + b"0\r\n\r\n")
        assert client.recv(1000).startswith(b"HTTP/1.1 422")


@pytest.mark.parametrize("begin", [b"", b"GET / HT", b"\r\n"])
def test_a_client_that_says_nothing_whole_is_dropped(
    gateway: Gateway, begin: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "HEAD_SECONDS", 0.2)
    with connect(gateway) as client:
        client.sendall(begin)
        assert is_dropped(client)
    with connect(gateway) as client:  # also as its second request
        client.sendall(b"GET /healthz HTTP/1.1\r\n" + HOST + b"\r\n")
        with HTTPResponse(client) as answer:
            answer.begin()
            assert (answer.status, bool(answer.read())) == (200, True)
        client.sendall(b"GET / HT")
        assert is_dropped(client)


def test_a_slow_body_is_not_under_the_limit_of_heads(
    gateway: Gateway, http: httpx2.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "HEAD_SECONDS", 0.05)
    sample = upload(http)
    assert http.get(f"/v1/samples/{sample['id']}/audio").status_code == 200
    with connect(gateway) as client:
        client.sendall(b"POST /v1/samples HTTP/1.1\r\n" + HOST + b"Content-Length: 2\r\n\r\na")
        client.settimeout(0.3)
        with pytest.raises(TimeoutError):
            client.recv(1)
        client.settimeout(30)
        client.sendall(b"b")
        assert client.recv(1000).startswith(b"HTTP/1.1 422")
