"""What a folder and a bucket both do."""

from __future__ import annotations

import gc
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from neuralib.errors import NotFound, OutputError, UsageError
from neuralib.storage.base import BLOCK_BYTES, Storage
from neuralib.storage.keys import artifact_key, audio_key, sample_prefix
from tests.storage.conftest import File, Key

LARGE = bytes(range(256)) * 4096 * 3 + b"end"


def test_ping_works_before_anything_is_there(storage: Storage) -> None:
    storage.ping()
    storage.ping()


def test_what_is_put_can_be_fetched(storage: Storage, key: Key, file: File, tmp_path: Path) -> None:
    storage.put(key("audio"), file(LARGE))
    target = tmp_path / "fetched"
    storage.fetch(key("audio"), target)
    assert target.read_bytes() == LARGE
    assert list(tmp_path.glob("*.part")) == []
    assert storage.size(key("audio")) == len(LARGE)


def test_what_was_borrowed_stays_what_it_was(
    storage: Storage, key: Key, file: File, tmp_path: Path
) -> None:
    target = tmp_path / "borrowed"
    for content in (b"first", b"second"):
        storage.put(key("audio"), file(content))
        storage.borrow(key("audio"), target)
        assert target.read_bytes() == content
    storage.put(key("audio"), file(b"third"))
    storage.remove(key("audio"))
    assert target.read_bytes() == b"second"


def test_an_empty_object_is_an_object(storage: Storage, key: Key, file: File) -> None:
    storage.put(key("empty"), file(b""))
    assert storage.size(key("empty")) == 0
    assert list(storage.read(key("empty"))) == []


def test_putting_again_replaces(storage: Storage, key: Key, file: File) -> None:
    storage.put(key("audio"), file(b"a longer first"))
    storage.put(key("audio"), file(b"second"))
    assert b"".join(storage.read(key("audio"))) == b"second"


@pytest.mark.parametrize(
    ("start", "length", "expected"),
    [
        (0, None, b"0123456789"),
        (0, 1, b"0"),
        (3, 4, b"3456"),
        (8, 9, b"89"),
        (9, None, b"9"),
        (10, None, b""),
        (11, 2, b""),
        (4, 0, b""),
    ],
)
def test_parts_can_be_read(
    storage: Storage, key: Key, file: File, start: int, length: int | None, expected: bytes
) -> None:
    storage.put(key("audio"), file(b"0123456789"))
    assert b"".join(storage.read(key("audio"), start, length)) == expected


def test_reading_comes_in_blocks(storage: Storage, key: Key, file: File) -> None:
    storage.put(key("audio"), file(LARGE))
    blocks = list(storage.read(key("audio"), 5))
    assert b"".join(blocks) == LARGE[5:]
    assert max(map(len, blocks)) <= BLOCK_BYTES
    assert len(blocks) >= 3


def test_a_reader_may_stop_in_the_middle(storage: Storage, key: Key, file: File) -> None:
    """Warnings of files and connections left open are errors."""
    storage.put(key("audio"), file(LARGE))
    begun, unbegun = storage.read(key("audio")), storage.read(key("audio"))
    next(begun)
    del begun, unbegun
    gc.collect()


def test_a_missing_object_is_told_before_reading(
    storage: Storage, key: Key, file: File, tmp_path: Path
) -> None:
    storage.put(key("audio"), file(b"x"))
    for missing in (key("none"), f"{key('audio')}/below"):
        with pytest.raises(NotFound, match="there is no object"):
            storage.read(missing)
        with pytest.raises(NotFound):
            storage.read(missing, 0, 0)
        with pytest.raises(NotFound):
            storage.size(missing)
        with pytest.raises(NotFound):
            storage.fetch(missing, tmp_path / "target")
        with pytest.raises(NotFound):
            storage.borrow(missing, tmp_path / "target")
    assert not (tmp_path / "target").exists()


def test_a_folder_of_keys_is_no_object(storage: Storage, key: Key, file: File) -> None:
    storage.put(key("results/one"), file(b"x"))
    with pytest.raises(NotFound):
        storage.read(key("results"))
    with pytest.raises(NotFound):
        storage.size(key("results"))


def test_a_place_that_cannot_be_written_is_told(
    storage: Storage, key: Key, file: File, tmp_path: Path
) -> None:
    storage.put(key("audio"), file(b"x"))
    with pytest.raises(OutputError, match="No such file or directory"):
        storage.fetch(key("audio"), tmp_path / "nowhere" / "target")


def test_a_file_that_cannot_be_read_is_told(storage: Storage, key: Key, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        storage.put(key("audio"), tmp_path / "none")
    with pytest.raises(NotFound):
        storage.size(key("audio"))


def test_a_prefix_is_removed_and_nothing_else(storage: Storage, prefix: str, file: File) -> None:
    mine = [audio_key(prefix, "smp_1"), artifact_key(prefix, "smp_1", "ab" * 32)]
    others = [audio_key(prefix, "smp_12"), audio_key(prefix, "smp_2")]
    for each in (*mine, *others):
        storage.put(each, file(each.encode()))
    storage.remove(sample_prefix(prefix, "smp_1"))
    for each in mine:
        with pytest.raises(NotFound):
            storage.size(each)
    for each in others:
        assert b"".join(storage.read(each)) == each.encode()


def test_a_prefix_may_end_within_a_name(storage: Storage, key: Key, file: File) -> None:
    for name in ("ab", "ac/d", "b"):
        storage.put(key(name), file(b"x"))
    storage.remove(key("a"))
    assert storage.size(key("b")) == 1
    for name in ("ab", "ac/d"):
        with pytest.raises(NotFound):
            storage.size(key(name))


def test_removing_nothing_is_fine(storage: Storage, key: Key) -> None:
    storage.ping()
    storage.remove(key("none/"))
    storage.remove(key("none"))


@pytest.mark.parametrize(
    "wrong",
    ["", "/", "/etc/passwd", "..", "../x", "a/../../x", "a/./b", "a//b", "a/", ".drafts/x",
     "a\\..\\x", "C:/x", "a b", "a\n", "ä", "a\0", "x" * 513],
)  # fmt: skip
def test_keys_stay_within_the_storage(
    storage: Storage, wrong: str, file: File, tmp_path: Path
) -> None:
    some = file(b"x")
    for action in (
        lambda: storage.put(wrong, some),
        lambda: storage.fetch(wrong, tmp_path / "target"),
        lambda: storage.size(wrong),
        lambda: storage.read(wrong),
        lambda: storage.signed_url(wrong, 60, "x"),
    ):
        with pytest.raises(UsageError, match="cannot be used"):
            action()
    if wrong != "a/":
        with pytest.raises(UsageError):
            storage.remove(wrong)


def test_sixteen_threads_can_use_it(storage: Storage, key: Key, file: File, tmp_path: Path) -> None:
    def work(number: int) -> bytes:
        data = bytes([number]) * 1000
        storage.put(key(f"{number}"), file(data))
        storage.fetch(key(f"{number}"), tmp_path / f"target-{number}")
        assert storage.size(key(f"{number}")) == 1000
        return (tmp_path / f"target-{number}").read_bytes()

    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(work, range(32))) == [bytes([n]) * 1000 for n in range(32)]


def test_a_reader_sees_one_of_two_writers(storage: Storage, key: Key, file: File) -> None:
    """Never a mixture, and never nothing."""
    written = [bytes([n]) * 200_000 for n in range(4)]
    storage.put(key("audio"), file(written[0]))
    with ThreadPoolExecutor(4) as pool:
        writes = [pool.submit(storage.put, key("audio"), file(each)) for each in written]
        for _ in range(8):
            assert b"".join(storage.read(key("audio"))) in written
        for write in writes:
            write.result()
