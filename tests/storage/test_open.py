"""From an address to a storage."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from neuralib.errors import UsageError
from neuralib.settings import Settings
from neuralib.storage.folder import FolderStorage
from neuralib.storage.open import open_storage
from neuralib.storage.s3 import S3Storage
from neuralib.storage.s3_address import S3Address
from tests.storage.conftest import opened

SECRET = "hidden"


def test_without_an_address_it_is_in_the_data_folder(tmp_path: Path) -> None:
    storage = open_storage(Settings(data_dir=tmp_path))
    assert isinstance(storage, FolderStorage)
    assert storage.root == tmp_path / "storage"


@pytest.mark.parametrize(
    ("url", "folder"),
    [
        ("file:///srv/neuralib", "/srv/neuralib"),
        ("file://localhost/srv/neuralib", "/srv/neuralib"),
        ("FILE:///srv/a%20b%23", "/srv/a b#"),
    ],
)
def test_a_folder_can_be_named(url: str, folder: str) -> None:
    storage = opened(url)
    assert isinstance(storage, FolderStorage)
    assert storage.root == Path(folder)


def test_a_bucket_can_be_named_without_reaching_it() -> None:
    assert isinstance(opened("s3://KEY:hidden@nowhere.invalid:9000/songs"), S3Storage)


def test_all_parts_of_an_address_are_read() -> None:
    url = "s3://test%3Atester:a%2Fb%2Bc+d%25@[::1]:9000/songs?secure=false&region=eu-1"
    assert S3Address.parse(url) == S3Address(
        "[::1]:9000", "songs", "test:tester", "a/b+c+d%", secure=False, region="eu-1"
    )


def test_tls_is_the_default() -> None:
    assert S3Address.parse("s3://k:s@host/songs").secure


@given(st.text(min_size=1), st.text(min_size=1))
def test_any_key_and_secret_can_be_written(key: str, secret: str) -> None:
    url = f"s3://{quote(key, safe='')}:{quote(secret, safe='')}@host:9000/songs"
    address = S3Address.parse(url)
    assert (address.key, address.secret) == (key, secret)
    assert repr(secret) not in repr(address).replace(repr(key), "")


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("s3://host:9000/songs", "KEY:SECRET@"),
        ("s3://hidden@host:9000/songs", "KEY:SECRET@"),
        ("s3://:hidden@host:9000/songs", "KEY:SECRET@"),
        ("s3://KEY:@host:9000/songs", "KEY:SECRET@"),
        ("s3://KEY:hid/den@host:9000/songs", "host or port"),
        ("s3://KEY:hidden/x@host:9000/songs", "host or port|/ as %2F"),
        ("s3://KEY:hid#den@host:9000/songs", "# as %23"),
        ("s3://KEY:hid?den@host:9000/songs", r"\? as %3F"),
        ("s3://KEY:hidden@:9000/songs", "no host"),
        ("s3://KEY:hidden@host:nine/songs", "host or port"),
        ("s3://KEY:hidden@[::1/songs", "host or port"),
        ("s3://KEY:hidden@host:9000", "one bucket"),
        ("s3://KEY:hidden@host:9000/songs/more", "one bucket"),
        ("s3://KEY:hidden@host:9000/UPPER", "one bucket"),
        ("s3://KEY:hidden@host:9000/..", "one bucket"),
        ("s3://KEY:hidden@host:9000/songs?secure=perhaps", "true or false"),
        ("s3://KEY:hidden@host:9000/songs?region=a%20b", "a region is"),
        ("s3://KEY:hidden@host:9000/songs?tls=1", "secure, region, public"),
        ("s3://KEY:hidden@host:9000/songs?public=files.example&region=a", "https://files.exam"),
        ("s3://KEY:hidden@host:9000/songs?public=https://files.example", "region too"),
        ("https://KEY:hidden@host:9000/songs", "neither with s3:// nor"),
        ("/srv/neuralib", "neither with s3:// nor"),
        ("file://srv/neuralib", "three slashes"),
        ("file:srv", "three slashes"),
        ("file:///srv?x=1", "%3F"),
    ],
)
def test_a_wrong_address_is_told_without_its_secret(url: str, reason: str) -> None:
    with pytest.raises(UsageError, match=reason) as caught:
        opened(url)
    assert SECRET not in caught.value.message
    assert caught.value.__cause__ is None


def test_settings_do_not_show_the_address() -> None:
    settings = Settings(storage_url=SecretStr("s3://KEY:hidden@host/songs"))
    assert SECRET not in repr(settings)
