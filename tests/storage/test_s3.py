"""What only a bucket does."""

from __future__ import annotations

import logging
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote, urlsplit

import httpx2
import pytest

from neuralib.errors import NotFound, StorageUnreachable, UsageError
from neuralib.storage import s3, s3_client
from neuralib.storage.base import Storage
from neuralib.storage.s3 import S3Storage
from neuralib.storage.s3_address import S3Address
from tests.servers.s3 import GUEST_KEY, GUEST_SECRET, S3Server
from tests.storage.breaking_relay import BreakingRelay
from tests.storage.conftest import File, Key, new_bucket, opened

_MIB = 1 << 20


@pytest.fixture
def address(s3_server: S3Server) -> S3Address:
    return S3Address.parse(s3_server.url)


@pytest.fixture
def relay(address: S3Address) -> Iterator[BreakingRelay]:
    host, _, port = address.host.rpartition(":")
    with BreakingRelay(host, int(port)) as relay:
        yield relay


def refusals(storage: Storage, some: Path) -> list[str]:
    """Do everything, and give what each was told."""
    told = []
    for action in (
        storage.ping,
        lambda: storage.put("local/one", some),
        lambda: storage.read("local/one"),
        lambda: storage.size("local/one"),
        lambda: storage.remove("local/"),
    ):
        with pytest.raises(StorageUnreachable) as caught:
            action()
        told.append(caught.value.message)
    return told


def test_a_missing_bucket_is_made_by_the_first_put(s3_server: S3Server, file: File) -> None:
    storage = opened(new_bucket(s3_server))
    with pytest.raises(StorageUnreachable, match="has no bucket 'neuralib-"):
        storage.read("local/one")
    storage.put("local/one", file(b"x" * 10))
    assert storage.size("local/one") == 10


def test_a_bucket_may_be_made_by_several_at_once(s3_server: S3Server, file: File) -> None:
    url, some = new_bucket(s3_server), file(b"x")
    with ThreadPoolExecutor(4) as pool:
        puts = [pool.submit(opened(url).put, f"local/{n}", some) for n in range(4)]
        for put in puts:
            put.result()
    assert [opened(url).size(f"local/{n}") for n in range(4)] == [1] * 4


def test_a_wrong_secret_is_told(address: S3Address, file: File) -> None:
    wrong = replace(address, secret="not-the-secret")
    for told in refusals(S3Storage(wrong), file(b"x")):
        assert f"the storage at {address.host} refuses the credentials" in told
        assert "check KEY and SECRET in NEURALIB_STORAGE_URL" in told
        assert "not-the-secret" not in told


def test_an_unknown_key_is_told(address: S3Address, file: File) -> None:
    wrong = replace(address, key="nobody:knows")
    for told in refusals(S3Storage(wrong), file(b"x")):
        assert "refuses the credentials" in told
        assert "nobody" not in told


def test_a_key_without_rights_is_told(s3_server: S3Server, address: S3Address, file: File) -> None:
    if not s3_server.is_swift:
        pytest.skip("the server that the environment names has no user of ours")
    guest = replace(address, key=GUEST_KEY, secret=GUEST_SECRET, bucket="guests")
    for told in refusals(S3Storage(guest), file(b"x")):
        assert "their rights for bucket 'guests'" in told


def test_a_wrong_region_is_told(address: S3Address, file: File) -> None:
    wrong = replace(address, region="mars-north-1")
    for told in refusals(S3Storage(wrong), file(b"x")):
        assert "region" in told


def test_the_region_is_found_where_none_is_named(address: S3Address, key: Key, file: File) -> None:
    storage = S3Storage(replace(address, region=None))
    storage.put(key("audio"), file(b"x"))
    assert storage.size(key("audio")) == 1


def test_no_server_is_told(address: S3Address, file: File) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        host = f"127.0.0.1:{nobody.getsockname()[1]}"
        for told in refusals(S3Storage(replace(address, host=host)), file(b"x")):
            assert f"the storage at {host} does not answer" in told
            assert "Connection refused; check that it runs" in told
            assert address.secret not in told


def test_a_name_that_nobody_has_is_told(address: S3Address, file: File) -> None:
    for told in refusals(S3Storage(replace(address, host="nowhere.invalid")), file(b"x")):
        assert "the storage at nowhere.invalid does not answer" in told


def test_a_server_without_tls_is_told(address: S3Address, file: File) -> None:
    for told in refusals(S3Storage(replace(address, secure=True)), file(b"x")):
        assert "does not answer like an S3 server" in told
        assert "whether ?secure=false is needed" in told


def test_another_kind_of_server_is_told(address: S3Address, file: File) -> None:
    page = b"HTTP/1.0 200 OK\r\nContent-Type: text/html\r\n\r\n<p>hello"
    with BreakingRelay.answering(page) as relay:
        storage = S3Storage(replace(address, host=relay.host))
        with pytest.raises(StorageUnreachable, match="did not keep 'local/one'"):
            storage.put("local/one", file(b"x"))
        with pytest.raises(StorageUnreachable, match="does not answer like an S3 server"):
            storage.remove("local/")


def test_a_silent_server_is_told(
    address: S3Address, file: File, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3_client, "_PATIENT_SECONDS", 0.2)
    monkeypatch.setattr(s3_client, "_QUICK_SECONDS", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        host = f"127.0.0.1:{silent.getsockname()[1]}"
        for told in refusals(S3Storage(replace(address, host=host)), file(b"x")):
            assert "does not answer: no answer in time" in told


def test_a_stream_that_breaks_is_taken_up_where_it_was(
    address: S3Address, relay: BreakingRelay, s3_storage: Storage, key: Key, file: File
) -> None:
    data = bytes(range(251)) * 20_000
    s3_storage.put(key("audio"), file(data))
    through = S3Storage(replace(address, host=relay.host))
    relay.break_after(2 * _MIB, times=2)
    assert b"".join(through.read(key("audio"), 10)) == data[10:]
    assert relay.broken == 2
    relay.break_after(2 * _MIB, times=1)
    assert b"".join(through.read(key("audio"), 10, 4 * _MIB)) == data[10 : 10 + 4 * _MIB]
    assert relay.broken == 3


def test_a_stream_that_breaks_again_and_again_is_told(
    address: S3Address,
    relay: BreakingRelay,
    s3_storage: Storage,
    key: Key,
    file: File,
    tmp_path: Path,
) -> None:
    s3_storage.put(key("audio"), file(bytes(4 * _MIB)))
    through = S3Storage(replace(address, host=relay.host))
    relay.break_after(100_000, times=100)
    with pytest.raises(StorageUnreachable, match="does not answer"):
        through.fetch(key("audio"), tmp_path / "target")
    assert relay.broken >= 3
    assert list(tmp_path.glob("target*")) == []


def test_an_object_that_changed_is_not_continued(
    address: S3Address, relay: BreakingRelay, s3_storage: Storage, key: Key, file: File
) -> None:
    s3_storage.put(key("audio"), file(b"a" * 4 * _MIB))
    through = S3Storage(replace(address, host=relay.host))
    relay.break_after(2 * _MIB, times=1)
    blocks = through.read(key("audio"))
    next(blocks)
    s3_storage.put(key("audio"), file(b"b" * 4 * _MIB))
    with pytest.raises(StorageUnreachable, match="PreconditionFailed"):
        list(blocks)


def test_a_large_object_is_sent_in_parts(
    s3_storage: Storage, key: Key, file: File, caplog: pytest.LogCaptureFixture
) -> None:
    data = bytes(range(256)) * (s3._PART_BYTES // 256) + b"the second part"
    with caplog.at_level(logging.DEBUG, "urllib3.connectionpool"):
        s3_storage.put(key("audio"), file(data))
    assert sum("partNumber=" in message for message in caplog.messages) == 2
    assert s3_storage.size(key("audio")) == len(data)
    assert b"".join(s3_storage.read(key("audio"), len(data) - 20)) == data[-20:]


def test_objects_are_removed_in_batches(
    s3_storage: Storage, key: Key, file: File, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(20):
        s3_storage.put(key(f"{number}"), file(b"x"))
    with caplog.at_level(logging.DEBUG, "urllib3.connectionpool"):
        s3_storage.remove(key(""))
    assert len([message for message in caplog.messages if "HTTP/1.1" in message]) == 2
    with pytest.raises(NotFound):
        s3_storage.size(key("0"))


def test_connections_are_kept(
    s3_server: S3Server, key: Key, file: File, caplog: pytest.LogCaptureFixture
) -> None:
    storage = opened(s3_server.url)
    some = file(bytes(100_000))

    def work(number: int) -> None:
        storage.put(key(f"{number}"), some)
        blocks = storage.read(key(f"{number}"))
        assert storage.size(key(f"{number}")) == 100_000
        assert sum(map(len, blocks)) == 100_000

    with caplog.at_level(logging.DEBUG, "urllib3.connectionpool"), ThreadPoolExecutor(16) as pool:
        list(pool.map(work, range(48)))
    assert not [message for message in caplog.messages if "pool is full" in message]
    opened_now = [message for message in caplog.messages if "Starting new" in message]
    assert len(opened_now) <= 32


def test_a_signed_address_gives_the_object_under_a_name(
    s3_storage: Storage, key: Key, file: File
) -> None:
    s3_storage.put(key("audio"), file(b"0123456789"))
    name = 'Größe "1"/夜.wav'
    url = s3_storage.signed_url(key("audio"), 60, name)
    assert url
    answer = httpx2.get(url, headers={"Range": "bytes=2-4"})
    assert (answer.status_code, answer.content) == (206, b"234")
    disposition = answer.headers["content-disposition"]
    assert disposition.startswith('attachment; filename="Gr__e _1_/_.wav"')
    assert disposition.endswith(f"filename*=UTF-8''{quote(name, safe='')}")


def test_an_altered_address_is_refused(s3_storage: Storage, key: Key, file: File) -> None:
    for name in ("one", "two"):
        s3_storage.put(key(name), file(b"x"))
    url = s3_storage.signed_url(key("one"), 60, "one.wav")
    assert url
    altered = [
        url.replace("/one?", "/two?"),
        url.replace("X-Amz-Expires=60", "X-Amz-Expires=6000"),
        url.replace("one.wav", "one.exe"),
        url.partition("&X-Amz-Signature=")[0],
    ]
    assert len({url, *altered}) == 5
    assert [httpx2.get(each).status_code for each in altered] == [403] * 4
    assert httpx2.get(url.partition("?")[0]).is_client_error
    assert httpx2.put(url, content=b"y").status_code == 403
    assert httpx2.delete(url).status_code == 403
    assert httpx2.get(url).content == b"x"


def test_an_expired_address_is_refused(s3_storage: Storage, key: Key, file: File) -> None:
    s3_storage.put(key("audio"), file(b"x"))
    url = s3_storage.signed_url(key("audio"), 1, "x.wav")
    assert url
    time.sleep(2.1)
    assert httpx2.get(url).status_code == 403


@pytest.mark.parametrize("seconds", [0, -1, 604_801])
def test_an_address_works_for_seven_days_at_most(s3_storage: Storage, seconds: int) -> None:
    with pytest.raises(UsageError, match="1 to 604800"):
        s3_storage.signed_url("local/one", seconds, "x.wav")


def test_signed_addresses_can_begin_with_another_host(
    s3_server: S3Server, relay: BreakingRelay, key: Key, file: File
) -> None:
    """As behind a proxy that clients reach and workers need not."""
    storage = opened(f"{s3_server.url}&public=http://{relay.host}")
    storage.put(key("audio"), file(b"x"))
    url = storage.signed_url(key("audio"), 60, "x.wav")
    assert url
    assert urlsplit(url).netloc == relay.host
    assert httpx2.get(url).content == b"x"
