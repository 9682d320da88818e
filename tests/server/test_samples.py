from __future__ import annotations

import hashlib
import http.client
import socket
import time
from collections.abc import Iterator

import httpx2
import pytest

from tests.server.gateway import Gateway, song, submit, upload


def test_an_upload_becomes_a_sample(http: httpx2.Client) -> None:
    data = song()
    answer = http.post("/v1/samples", params={"name": "My Sóng.wav"}, content=data)
    assert answer.status_code == 201
    sample = answer.json()
    assert answer.headers["location"] == f"/v1/samples/{sample['id']}"
    assert sample == {
        "id": sample["id"],
        "name": "My Sóng.wav",
        "sha256": hashlib.sha256(data).hexdigest(),
        "bytes": len(data),
        "audio_seconds": 0.1,
        "sample_rate": 8000,
        "channels": 1,
        "created_at": sample["created_at"],
    }
    assert http.get(answer.headers["location"]).json() == sample
    assert http.get(f"/v1/samples/{sample['id']}/audio").content == data


def test_the_same_bytes_give_the_same_sample(http: httpx2.Client) -> None:
    data = song()
    first = http.post("/v1/samples", params={"name": "a.wav"}, content=data)
    again = http.post("/v1/samples", params={"name": "b.wav"}, content=data)
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json() == first.json()
    assert again.headers["location"] == first.headers["location"]


@pytest.mark.parametrize(
    ("given", "kept"),
    [("../../etc/passwd", "passwd"), ("C:\\x\\y.wav", "y.wav"), ("..", "audio"), ("", "audio")],
)
def test_a_name_is_made_safe(http: httpx2.Client, given: str, kept: str) -> None:
    assert upload(http, given)["name"] == kept


def test_an_upload_without_a_name_gets_one(http: httpx2.Client) -> None:
    assert http.post("/v1/samples", content=song()).json()["name"] == "audio"


def test_what_is_no_audio_is_refused_by_its_own_name(http: httpx2.Client, gateway: Gateway) -> None:
    answer = http.post("/v1/samples", params={"name": "notes.wav"}, content=b"hello " * 100)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json() == {
        "type": "about:blank",
        "title": answer.json()["title"],
        "status": 422,
        "detail": "'notes.wav' holds text, not audio; give an audio file",
        "code": "decode",
    }
    broken = http.post("/v1/samples", params={"name": "x.wav"}, content=b"RIFF\0\1\2\3" * 99)
    assert broken.json()["code"] == "decode"
    assert str(gateway.settings.data_dir) not in broken.text
    assert gateway.uploads == []


def test_an_empty_body_and_a_form_are_refused(http: httpx2.Client) -> None:
    assert http.post("/v1/samples", content=b"").json()["code"] == "no_audio"
    form = http.post("/v1/samples", files={"file": ("a.wav", song())})
    assert (form.status_code, form.json()["code"]) == (400, "usage")
    assert "--data-binary" in form.json()["detail"]


def test_a_body_that_says_it_is_too_large_is_refused_unread(gateway: Gateway) -> None:
    host, _, port = gateway.url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), 30) as connection:
        connection.sendall(
            b"POST /v1/samples HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000001\r\n\r\n"
        )
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        assert answer.status == 413
        assert b"1000000 bytes" in answer.read()


def test_a_body_of_unknown_length_is_refused_when_it_is_too_large(
    http: httpx2.Client, gateway: Gateway
) -> None:
    def body() -> Iterator[bytes]:
        for _ in range(20):
            yield bytes(100_000)

    answer = http.post("/v1/samples", content=body())
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert gateway.uploads == []


def test_an_interrupted_upload_leaves_nothing(
    http: httpx2.Client, gateway: Gateway, caplog: pytest.LogCaptureFixture
) -> None:
    before = http.get("/v1/samples").json()
    host, _, port = gateway.url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), 30) as connection:
        connection.sendall(
            b"POST /v1/samples HTTP/1.1\r\nHost: localhost\r\nContent-Length: 900000\r\n\r\n"
            + song(100_000)
        )
        wait_until(lambda: bool(gateway.uploads))
    wait_until(lambda: not gateway.uploads)
    assert http.get("/v1/samples").json() == before
    assert not [record for record in caplog.records if record.levelname in ("WARNING", "ERROR")]


def test_samples_are_listed_in_pages_and_found_by_name(http: httpx2.Client) -> None:
    ids = [upload(http, f"Pagé {number}.wav")["id"] for number in range(3)]
    first = http.get("/v1/samples", params={"q": "pagé", "limit": 2}).json()
    assert [each["id"] for each in first["items"]] == [ids[2], ids[1]]
    query = {"q": "pagé", "limit": 2, "cursor": first["cursor"]}
    rest = http.get("/v1/samples", params=query).json()
    assert [each["id"] for each in rest["items"]] == [ids[0]]
    assert rest["cursor"] is None


def test_a_removed_sample_is_gone_with_its_bytes(http: httpx2.Client, gateway: Gateway) -> None:
    data = song()
    sample = upload(http, data=data)
    assert http.delete(f"/v1/samples/{sample['id']}").status_code == 204
    for answer in (
        http.get(f"/v1/samples/{sample['id']}"),
        http.get(f"/v1/samples/{sample['id']}/audio"),
        http.delete(f"/v1/samples/{sample['id']}"),
        http.post("/v1/jobs", json={"task": {"kind": "midi"}, "sample_id": sample["id"]}),
    ):
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    again = upload(http, data=data)
    assert again["id"] != sample["id"]
    assert http.get(f"/v1/samples/{again['id']}/audio").content == data


def test_a_sample_in_use_stays(http: httpx2.Client) -> None:
    sample = upload(http)
    job = submit(http, sample["id"])
    answer = http.delete(f"/v1/samples/{sample['id']}")
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    assert http.post(f"/v1/jobs/{job['id']}/cancel").status_code == 200
    assert http.delete(f"/v1/samples/{sample['id']}").status_code == 204
    assert http.get(f"/v1/jobs/{job['id']}").status_code == 404


@pytest.mark.parametrize(
    ("header", "start", "end"),
    [
        ("bytes=0-3", 0, 4),
        ("bytes=10-", 10, None),
        ("bytes=-7", -7, None),
        ("bytes=4-9999", 4, None),
    ],
)
def test_a_part_of_the_audio_is_sent(
    http: httpx2.Client, header: str, start: int, end: int | None
) -> None:
    data = song()
    sample = upload(http, "größer.wav", data)
    answer = http.get(f"/v1/samples/{sample['id']}/audio", headers={"Range": header})
    assert answer.status_code == 206
    assert answer.content == data[start:end]
    begin = start % len(data)
    last = begin + len(answer.content) - 1
    assert answer.headers["content-range"] == f"bytes {begin}-{last}/{len(data)}"
    assert answer.headers["content-length"] == str(len(answer.content))
    assert "filename*=UTF-8''gr%C3%B6%C3%9Fer.wav" in answer.headers["content-disposition"]


def test_ranges_are_bound_to_the_bytes_that_they_mean(http: httpx2.Client) -> None:
    sample = upload(http)
    address = f"/v1/samples/{sample['id']}/audio"
    etag = f'"{sample["sha256"]}"'
    size = sample["bytes"]

    def status(**headers: str) -> int:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return http.get(address, headers=named).status_code

    assert status(Range=f"bytes={size}-") == 416
    outside = http.get(address, headers={"Range": f"bytes={size}-"})
    assert outside.headers["content-range"] == f"bytes */{size}"
    assert status(Range="bytes=0-3", If_Range=etag) == 206
    assert status(Range="bytes=0-3", If_Range='"other"') == 200
    assert status(Range="bytes=0-3,5-6") == 200
    assert status(Range="seconds=0-3") == 200
    assert status(If_None_Match=etag) == 304
    head = http.head(address)
    assert (head.status_code, head.headers["content-length"], head.content) == (200, str(size), b"")
    assert head.headers["etag"] == etag


def test_a_storage_that_signs_addresses_sends_the_bytes_itself(
    http: httpx2.Client, gateway: Gateway
) -> None:
    data = song()
    sample = upload(http, data=data)
    answer = http.get(f"/v1/samples/{sample['id']}/audio", params={"redirect": "1"})
    if gateway.settings.storage_url is None:
        assert (answer.status_code, answer.content) == (200, data)
    else:
        assert answer.status_code == 307
        direct = httpx2.get(answer.headers["location"])
        assert (direct.status_code, direct.content) == (200, data)
        assert "song.wav" in direct.headers["content-disposition"]


def wait_until(condition: object) -> None:
    assert callable(condition)
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)
