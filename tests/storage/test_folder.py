"""What only a folder does."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from neuralib.errors import NotFound, StorageUnreachable
from neuralib.storage.folder import FolderStorage
from tests.conftest import ROOT
from tests.storage.conftest import File

_DAY = 24 * 3600


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "storage"


def kept(root: Path) -> set[str]:
    return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}


def test_an_object_is_the_file_of_its_key(root: Path, file: File) -> None:
    FolderStorage(root).put("local/smp_1/audio", file(b"x"))
    assert kept(root) == {"local/smp_1/audio"}


def test_what_is_borrowed_takes_no_room(root: Path, tmp_path: Path, file: File) -> None:
    storage = FolderStorage(root)
    storage.put("local/one", file(b"x"))
    storage.borrow("local/one", tmp_path / "borrowed")
    storage.fetch("local/one", tmp_path / "fetched")
    object_ = root / "local" / "one"
    assert (tmp_path / "borrowed").samefile(object_)
    assert not (tmp_path / "fetched").samefile(object_)


def test_nothing_is_made_before_it_is_needed(root: Path) -> None:
    FolderStorage(root)
    assert not root.exists()


def test_what_a_killed_process_leaves_is_no_object(root: Path, file: File) -> None:
    """Its draft is in the way of nothing, cannot be read, and goes after a day."""
    storage = FolderStorage(root)
    storage.put("local/one", file(b"x"))
    left = root / ".drafts" / "0123"
    left.write_bytes(b"half of an obj")
    new = left.with_name("4567")
    new.write_bytes(b"somebody writes this now")
    os.utime(left, (0, time.time() - _DAY - 60))
    again = FolderStorage(root)
    again.put("local/two", file(b"x"))
    assert kept(root) == {"local/one", "local/two", ".drafts/4567"}


def test_a_failed_write_leaves_nothing(root: Path, tmp_path: Path) -> None:
    """A limit on the size of files stands for a full disk."""
    large = tmp_path / "large"
    large.write_bytes(bytes(200_000))
    code = f"""
import resource
from pathlib import Path
from neuralib.errors import OutputError
from neuralib.storage.folder import FolderStorage
storage = FolderStorage(Path({str(root)!r}))
storage.put("local/one", Path({str(Path(__file__))!r}))
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    storage.put("local/one", Path({str(large)!r}))
except OutputError as error:
    print(error.message)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert "takes no more: File too large; free some space" in done.stdout
    assert kept(root) == {"local/one"}
    assert (root / "local" / "one").read_bytes() == Path(__file__).read_bytes()


def test_a_folder_that_cannot_be_used_is_told(tmp_path: Path, file: File) -> None:
    root = file(b"not a folder")
    storage = FolderStorage(root)
    for action in (storage.ping, lambda: storage.put("local/one", file(b"x"))):
        with pytest.raises(StorageUnreachable, match="cannot be used: Not a directory; check"):
            action()


def test_links_are_removed_and_not_followed(root: Path, tmp_path: Path, file: File) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").write_bytes(b"x")
    storage = FolderStorage(root)
    storage.put("local/smp_1/audio", file(b"x"))
    (root / "local" / "smp_1" / "results").symlink_to(outside)
    storage.remove("local/smp_1/")
    assert (outside / "precious").exists()
    assert not (root / "local" / "smp_1").exists()


def test_removing_leaves_no_empty_folders(root: Path, file: File) -> None:
    storage = FolderStorage(root)
    storage.put("local/smp_1/results/ab", file(b"x"))
    storage.put("local/smp_2/audio", file(b"x"))
    storage.remove("local/smp_1/")
    assert [path.name for path in (root / "local").iterdir()] == ["smp_2"]


def test_a_folder_that_goes_meanwhile_is_made_again(
    root: Path, file: File, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = FolderStorage(root)
    replace = Path.replace
    removals = iter(range(3))

    def remove_first(self: Path, target: Path) -> Path:
        if next(removals, None) is not None:
            storage.remove("local/smp_1/")
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", remove_first)
    storage.put("local/smp_1/audio", file(b"x"))
    assert next(removals, None) is None
    assert kept(root) == {"local/smp_1/audio"}


def test_a_reader_keeps_what_it_opened(root: Path, file: File) -> None:
    storage = FolderStorage(root)
    storage.put("local/one", file(b"first"))
    blocks = storage.read("local/one")
    storage.put("local/one", file(b"second"))
    storage.remove("local/")
    assert b"".join(blocks) == b"first"
    with pytest.raises(NotFound):
        storage.read("local/one")


def test_bytes_are_on_the_disk_before_their_name(
    root: Path, file: File, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A loss of power cannot be had here; the order of the calls can."""
    calls: list[str] = []
    fsync, replace = os.fsync, Path.replace

    def note_fsync(descriptor: int) -> None:
        path = os.readlink(f"/proc/self/fd/{descriptor}")
        calls.append(f"fsync {'draft' if '.drafts' in path else os.path.relpath(path, root)}")
        fsync(descriptor)

    def note_replace(self: Path, target: Path) -> Path:
        calls.append("rename")
        return replace(self, target)

    monkeypatch.setattr(os, "fsync", note_fsync)
    monkeypatch.setattr(Path, "replace", note_replace)
    storage = FolderStorage(root)
    storage.ping()
    storage.put("local/smp_1/audio", file(b"x"))
    assert calls == ["fsync draft", "rename", "fsync local/smp_1", "fsync local", "fsync ."]


def test_a_folder_has_no_addresses_to_give(root: Path) -> None:
    assert FolderStorage(root).signed_url("local/one", 60, "song.wav") is None
