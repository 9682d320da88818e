"""Removing models: what goes, what stays, and what is said where nothing can go."""

from __future__ import annotations

from pathlib import Path

import pytest

from neuralib.errors import ModelMissing, OutputError, UnknownModel, UsageError
from neuralib.models.entry import CatalogueModel
from neuralib.models.files import ModelFiles
from neuralib.models.removal import remove
from neuralib.models.store import Store
from tests.models.checkpoints import bag, demucs
from tests.models.conftest import BAG, CONTENT, FILE, ONE, OTHER, catalogue_of
from tests.models.hub import Hub

TWIN = CatalogueModel("twin", "separate", (FILE,), "free")


@pytest.fixture
def store(hub: Hub, tmp_path: Path) -> Store:
    return Store(tmp_path / "models", hub_url=hub.url, catalogue=catalogue_of(ONE, BAG, TWIN))


def left(store: Store) -> list[str]:
    """Every file in the folder but locks and the memory of digests."""
    paths = [path for path in store.folder.rglob("*") if path.is_file()]
    kept = [path.relative_to(store.folder).as_posix() for path in paths]
    return sorted(path for path in kept if ".locks" not in path and "digests" not in path)


def prepare(store: Store, model: ModelFiles) -> Path:
    return store.prepared(model, "form", lambda folder: put(folder / "a", b"12345"))


def put(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def test_a_pulled_model_goes_with_its_parts_and_other_forms(store: Store) -> None:
    prepare(store, store.pull("one"))
    put(store.folder / "separate" / f"{FILE.name}.part", b"123")
    manifest = next(store.folder.glob("prepared/*-form/prepared.json")).stat().st_size
    assert store.remove("one") == len(CONTENT) + 3 + 5 + manifest
    assert left(store) == []
    with pytest.raises(ModelMissing, match="neuralib models pull one"):
        store.locate("one", "separate")


def test_a_model_of_several_files_goes_whole(store: Store) -> None:
    store.pull("bag")
    assert store.remove("bag") == len(CONTENT) + len(OTHER)
    assert left(store) == []


def test_the_forms_of_a_bag_go_with_those_of_its_checkpoints(store: Store) -> None:
    files = store.pull("bag")
    prepare(store, files)
    for path in files.paths:
        prepare(store, ModelFiles(path.name, (path,)))
    store.remove("bag")
    assert left(store) == []


def test_a_file_that_a_larger_model_needs_stays(store: Store) -> None:
    store.pull("bag")
    with pytest.raises(UsageError, match="the files of one belong to bag too; remove that one"):
        store.remove("one")
    assert [path.name for path in store.where("bag")] == [FILE.name, "two.safetensors"]


def test_another_name_of_the_same_file_does_not_keep_it(store: Store) -> None:
    store.pull("one")
    store.pull("twin")
    assert store.remove("twin") == len(CONTENT)
    assert left(store) == []


def test_a_broken_pull_can_be_removed(store: Store) -> None:
    (store.folder / "separate").mkdir(parents=True)
    put(store.folder / "separate" / f"{FILE.name}.part", b"half")
    assert store.remove("one") == 4
    assert left(store) == []


def test_an_import_goes_and_its_name_is_free_again(store: Store, tmp_path: Path) -> None:
    store.import_(demucs(tmp_path / "mine.th"))
    prepare(store, store.locate("mine", "separate"))
    assert store.remove("mine") > (tmp_path / "mine.th").stat().st_size
    assert left(store) == []
    assert (tmp_path / "mine.th").is_file()
    assert store.import_(demucs(tmp_path / "other.th", extra="x"), "mine") == "mine"


def test_an_imported_bag_goes_whole(store: Store, tmp_path: Path) -> None:
    store.import_(bag(tmp_path, "models: [aa, bb]\n", "aa", "bb"), "duo")
    assert store.remove("duo") > 0
    assert left(store) == []


def test_what_is_not_here_cannot_be_removed(store: Store) -> None:
    with pytest.raises(ModelMissing, match=r"one is not in .*; there is nothing to remove"):
        store.remove("one")
    assert not store.folder.exists()


def test_an_unknown_name_is_told_with_what_was_meant(store: Store, tmp_path: Path) -> None:
    store.import_(demucs(tmp_path / "mine.th"))
    with pytest.raises(UnknownModel, match="'mien' is not in the catalogue; did you mean mine"):
        store.remove("mien")
    for name in ("", ".", "..", "../models", "imported"):
        with pytest.raises(UnknownModel):
            store.remove(name)
    assert store.locate("mine", "separate")


def test_what_belongs_to_a_python_package_is_left_to_pip(tmp_path: Path) -> None:
    with pytest.raises(ModelMissing, match="run `pip uninstall basic-pitch`"):
        Store(tmp_path).remove("basic-pitch")
    assert Store(tmp_path).locate("basic-pitch", "midi")


def test_what_cannot_be_removed_is_told(tmp_path: Path) -> None:
    put(tmp_path / "file", b"")
    with pytest.raises(OutputError, match=r"cannot remove .*: Not a directory; see that you may"):
        remove(tmp_path / "file" / "beneath")


def test_of_a_link_only_the_link_goes(store: Store, tmp_path: Path) -> None:
    (store.folder / "separate").mkdir(parents=True)
    put(tmp_path / "elsewhere", CONTENT)
    (store.folder / "separate" / FILE.name).symlink_to(tmp_path / "elsewhere")
    assert store.remove("one") < len(CONTENT)
    assert (tmp_path / "elsewhere").read_bytes() == CONTENT


def test_here_names_what_can_be_verified_once(store: Store, tmp_path: Path) -> None:
    assert store.here() == ()
    store.pull("one")
    assert store.here() == ("one",)
    store.pull("bag")
    store.import_(demucs(tmp_path / "mine.th"))
    assert store.here() == ("one", "bag", "mine")
    put(store.where("bag")[1], b"short")
    assert store.here() == ("one", "bag", "mine")


def test_an_import_is_not_pulled(store: Store, tmp_path: Path) -> None:
    store.import_(demucs(tmp_path / "mine.th"))
    with pytest.raises(UsageError, match="mine was imported, and cannot be pulled"):
        store.pull("mine")
