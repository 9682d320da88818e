"""Prepared forms: made once, by content, whole or not at all."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from neuralib.errors import CheckpointError, InternalError, OutputError
from neuralib.models.digest import Digests, sha256_of
from neuralib.models.files import ModelFiles
from neuralib.models.store import Store


class Build:
    """Makes a form, and counts how often."""

    def __init__(self) -> None:
        self.runs = 0

    def __call__(self, folder: Path) -> None:
        assert list(folder.iterdir()) == []
        self.runs += 1
        (folder / "sub").mkdir()
        (folder / "sub" / "model.bin").write_bytes(b"converted")


def model(folder: Path, *contents: bytes) -> ModelFiles:
    folder.mkdir(exist_ok=True)
    paths = []
    for number, content in enumerate(contents):
        paths.append(folder / f"{number}.pt")
        paths[-1].write_bytes(content)
    return ModelFiles("any", tuple(paths))


@pytest.fixture
def build() -> Build:
    return Build()


def test_a_form_is_built_once_and_lies_under_the_checkpoints_sha256(
    tmp_path: Path, build: Build
) -> None:
    checkpoint = model(tmp_path / "a", b"weights")
    place = Store(tmp_path / "models").prepared(checkpoint, "ct2", build)
    assert Store(tmp_path / "models").prepared(checkpoint, "ct2", build) == place
    assert place.name == f"{sha256_of(checkpoint.paths[0])[:16]}-ct2"
    assert place.parent == tmp_path / "models" / "prepared"
    assert (place / "sub" / "model.bin").read_bytes() == b"converted"
    assert build.runs == 1


def test_the_same_content_elsewhere_is_the_same_model(tmp_path: Path, build: Build) -> None:
    store = Store(tmp_path / "models")
    first = store.prepared(model(tmp_path / "a", b"weights"), "ct2", build)
    assert store.prepared(model(tmp_path / "b", b"weights"), "ct2", build) == first
    assert build.runs == 1


@pytest.mark.parametrize("others", [[b"weightS"], [b"weights", b"weights"], [b"weights", b"x"]])
def test_other_content_is_another_model(tmp_path: Path, build: Build, others: list[bytes]) -> None:
    store = Store(tmp_path / "models")
    first = store.prepared(model(tmp_path / "a", b"weights"), "ct2", build)
    assert store.prepared(model(tmp_path / "b", *others), "ct2", build) != first


def test_other_forms_are_apart(tmp_path: Path, build: Build) -> None:
    store = Store(tmp_path / "models")
    checkpoint = model(tmp_path / "a", b"weights")
    assert store.prepared(checkpoint, "a", build) != store.prepared(checkpoint, "b", build)


def test_a_checkpoint_that_changes_in_place_is_prepared_anew(tmp_path: Path, build: Build) -> None:
    store = Store(tmp_path / "models")
    first = store.prepared(model(tmp_path / "a", b"weights"), "ct2", build)
    changed = model(tmp_path / "a", b"changed")
    os.utime(changed.paths[0], ns=(1, 1))
    assert store.prepared(changed, "ct2", build) != first


@pytest.mark.parametrize("damage", ["remove", "cut", "manifest"])
def test_an_incomplete_form_is_built_anew(tmp_path: Path, build: Build, damage: str) -> None:
    store = Store(tmp_path / "models")
    checkpoint = model(tmp_path / "a", b"weights")
    place = store.prepared(checkpoint, "ct2", build)
    if damage == "remove":
        (place / "sub" / "model.bin").unlink()
    elif damage == "cut":
        (place / "sub" / "model.bin").write_bytes(b"conv")
    else:
        (place / "prepared.json").write_text("{")
    assert store.prepared(checkpoint, "ct2", build) == place
    assert (place / "sub" / "model.bin").read_bytes() == b"converted"
    assert build.runs == 2


def test_a_build_that_fails_leaves_nothing_and_is_passed_on(tmp_path: Path, build: Build) -> None:
    def fail(folder: Path) -> None:
        (folder / "half").write_text("half")
        raise CheckpointError("not what it seems")

    store = Store(tmp_path / "models")
    checkpoint = model(tmp_path / "a", b"weights")
    with pytest.raises(CheckpointError, match="not what it seems"):
        store.prepared(checkpoint, "ct2", fail)
    left = {each.name for each in (tmp_path / "models" / "prepared").iterdir()}
    assert left <= {".locks", "digests.json"}
    store.prepared(checkpoint, "ct2", build)
    assert build.runs == 1


def test_a_folder_that_cannot_be_written_is_replaced_by_the_spare_one(
    tmp_path: Path, build: Build
) -> None:
    (tmp_path / "models").write_text("a file in the way")
    checkpoint = model(tmp_path / "a", b"weights")
    with pytest.raises(OutputError, match=r"cannot write in .*NEURALIB_MODELS_DIR"):
        Store(tmp_path / "models").prepared(checkpoint, "ct2", build)
    store = Store(tmp_path / "models", spare=tmp_path / "spare")
    place = store.prepared(checkpoint, "ct2", build)
    assert place.is_relative_to(tmp_path / "spare" / "prepared")
    assert store.prepared(checkpoint, "ct2", build) == place
    assert build.runs == 1


def test_what_a_read_only_folder_holds_is_used(tmp_path: Path, build: Build) -> None:
    checkpoint = model(tmp_path / "a", b"weights")
    place = Store(tmp_path / "models").prepared(checkpoint, "ct2", build)
    store = Store(tmp_path / "models", spare=tmp_path / "spare")
    assert store.prepared(checkpoint, "ct2", build) == place
    assert build.runs == 1


def test_a_checkpoint_that_is_gone_is_told(tmp_path: Path, build: Build) -> None:
    with pytest.raises(CheckpointError, match=r"cannot read checkpoint .*gone"):
        Store(tmp_path).prepared(ModelFiles("any", (tmp_path / "gone",)), "ct2", build)


def test_a_form_takes_the_place_of_the_ones_with_lower_numbers(
    tmp_path: Path, build: Build
) -> None:
    store = Store(tmp_path / "models")
    checkpoint, other = model(tmp_path / "a", b"weights"), model(tmp_path / "b", b"others")
    kept = [store.prepared(other, "graph-1", build)]
    kept += [store.prepared(checkpoint, form, build) for form in ("graph-x-1", "graph2-1", "x-1")]
    older = [store.prepared(checkpoint, form, build) for form in ("graph", "graph-9")]
    newer = store.prepared(checkpoint, "graph-10", build)
    assert [path.exists() for path in older] == [False, False]
    assert all(path.exists() for path in (*kept, newer))
    assert store.prepared(checkpoint, "graph-9", build).exists(), "for who still runs that one"
    assert newer.exists()


@pytest.mark.parametrize("form", ["", "../up", "CT2", "a/b", ".hidden"])
def test_a_form_must_be_a_plain_name(tmp_path: Path, build: Build, form: str) -> None:
    with pytest.raises(InternalError, match="is not lower-case letters"):
        Store(tmp_path).prepared(model(tmp_path / "a", b"weights"), form, build)


def test_a_sha256_is_remembered_until_the_file_changes(tmp_path: Path) -> None:
    path = tmp_path / "big"
    path.write_bytes(b"one")
    memory = tmp_path / "digests.json"
    right = Digests(memory).of(path)
    assert right == sha256_of(path)
    entries = json.loads(memory.read_text())
    (key,) = entries
    entries[key][-1] = "remembered"
    memory.write_text(json.dumps(entries))
    assert Digests(memory).of(path) == "remembered"
    path.write_bytes(b"two, longer")
    assert Digests(memory).of(path) == sha256_of(path)


@pytest.mark.parametrize("memory", ["", "{", "[]", '{"a": 3}', '"text"', "null"])
def test_a_broken_memory_is_only_forgotten(tmp_path: Path, memory: str) -> None:
    (tmp_path / "digests.json").write_text(memory)
    (tmp_path / "big").write_bytes(b"one")
    digests = Digests(tmp_path / "digests.json")
    assert digests.of(tmp_path / "big") == sha256_of(tmp_path / "big")


def test_the_memory_does_not_grow_without_end(tmp_path: Path) -> None:
    digests = Digests(tmp_path / "digests.json")
    for number in range(260):
        path = tmp_path / str(number)
        path.write_bytes(b"")
        digests.remember(path, "0" * 64)
    entries = json.loads((tmp_path / "digests.json").read_text())
    assert len(entries) == 256
    assert str(tmp_path / "259") in entries
