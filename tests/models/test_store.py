"""The store: what is found, what is said of what is not, and what is brought here."""

from __future__ import annotations

import importlib.metadata
from pathlib import Path

import pytest

from neuralib.errors import (
    CheckpointError,
    DownloadError,
    MissingError,
    ModelMissing,
    UnknownModel,
    UsageError,
)
from neuralib.models.entry import CatalogueModel
from neuralib.models.store import Store
from neuralib.models.transfer import Transfer
from tests.models.checkpoints import bag, demucs, onnx, safetensors, whisper
from tests.models.conftest import BAG, CATALOGUE, CONTENT, FILE, OTHER, catalogue_file, catalogue_of
from tests.models.hub import Hub


@pytest.fixture
def store(hub: Hub, tmp_path: Path) -> Store:
    return Store(tmp_path / "models", hub_url=hub.url, catalogue=CATALOGUE)


def flip(path: Path, at: int) -> None:
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(bytes(content))


def state(store: Store, name: str) -> str:
    return next(each.state for each in store.models() if each.name == name)


def test_a_pulled_model_is_located_with_its_bag(store: Store) -> None:
    pulled = store.pull("bag")
    assert store.locate("bag", "separate") == pulled
    one, two, again = pulled.paths
    assert one == again
    assert one.read_bytes() == CONTENT
    assert two.read_bytes() == OTHER
    assert (pulled.name, pulled.licence) == ("bag", "free")
    assert pulled.weights == BAG.weights
    assert pulled.segment_seconds == 44.0
    assert store.where("bag") == (one, two)


def test_files_that_models_share_are_fetched_once(store: Store, hub: Hub) -> None:
    store.pull("one")
    store.pull("bag")
    store.pull("bag")
    assert [request.path[-15:] for request in hub.requests] == [FILE.name, "two.safetensors"]


def test_a_missing_model_is_told_with_the_command_to_type(store: Store) -> None:
    with pytest.raises(ModelMissing, match=r"run `neuralib models pull one` \(0\.3 MB\)"):
        store.locate("one", "separate")
    with pytest.raises(ModelMissing, match="neuralib models pull one"):
        store.where("one")


def test_nothing_is_written_by_looking(store: Store, tmp_path: Path) -> None:
    store.models()
    store.verify("bag")
    with pytest.raises(ModelMissing):
        store.locate("bag", "separate")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("on", "did you mean one"),
        ("zzzzzz", "neither a name of the catalogue nor a file; `neuralib models list`"),
        ("no/such/file.th", "neither a name of the catalogue nor a file"),
    ],
)
def test_an_unknown_model_is_told_with_what_is_known(store: Store, name: str, says: str) -> None:
    with pytest.raises(UnknownModel, match=says):
        store.locate(name, "separate")


def test_a_folder_is_no_model(store: Store, tmp_path: Path) -> None:
    with pytest.raises(UnknownModel, match="is a folder; name the checkpoint in it"):
        store.locate(str(tmp_path), "separate")


def test_a_model_of_another_task_is_told_with_those_of_this(store: Store) -> None:
    with pytest.raises(UnknownModel, match="one is a model for separate, not for transcribe"):
        store.locate("one", "transcribe")


def test_offline_never_touches_the_network(hub: Hub, tmp_path: Path) -> None:
    store = Store(tmp_path, offline=True, hub_url=hub.url, catalogue=CATALOGUE)
    with pytest.raises(MissingError, match=r"offline is set: .*neuralib models import FILE"):
        store.pull("one")
    with pytest.raises(ModelMissing, match="offline is set"):
        store.locate("one", "separate")
    assert hub.requests == []


def test_offline_pull_of_what_is_here_does_nothing(hub: Hub, store: Store) -> None:
    there = store.pull("one")
    offline = Store(store.folder, offline=True, catalogue=CATALOGUE)
    assert offline.pull("one") == there
    assert len(hub.requests) == 1


def test_an_unknown_name_cannot_be_pulled(store: Store, hub: Hub) -> None:
    with pytest.raises(UnknownModel, match="'onee' is not in the catalogue; did you mean one"):
        store.pull("onee")
    assert hub.requests == []


def test_states_are_told_without_reading(store: Store) -> None:
    assert state(store, "bag") == "missing"
    store.folder.joinpath("separate").mkdir(parents=True)
    store.folder.joinpath("separate", FILE.name + ".part").write_bytes(b"half")
    assert state(store, "one") == "partial"
    store.folder.joinpath("separate", FILE.name + ".part").unlink()
    store.pull("one")
    assert state(store, "one") == "present"
    assert state(store, "bag") == "partial"
    store.pull("bag")
    assert state(store, "bag") == "present"
    store.where("one")[0].write_bytes(b"short")
    assert state(store, "one") == "damaged"


def test_the_list_says_what_a_user_must_know(store: Store) -> None:
    one = store.models()[0]
    assert (one.name, one.kind, one.size_bytes, one.licence) == ("one", "separate", 300_000, "free")
    assert one.files == (FILE,)
    assert store.models()[1].size_bytes == 370_000


def test_verify_notices_one_flipped_byte_and_pull_repairs_it(store: Store, hub: Hub) -> None:
    store.pull("bag")
    assert [each.state for each in store.verify("bag")] == ["right", "right"]
    flip(store.where("bag")[1], 12_345)
    checks = store.verify("bag")
    assert [each.state for each in checks] == ["right", "damaged"]
    assert not checks[1].is_right
    store.pull("bag")
    assert all(each.is_right for each in store.verify("bag"))
    assert len(hub.requests) == 3


def test_verify_reports_and_tells_what_is_missing(store: Store) -> None:
    seen: list[Transfer] = []
    assert [each.state for each in store.verify("bag", seen.append)] == ["missing", "missing"]
    assert seen == []
    store.pull("bag")
    store.verify("bag", seen.append)
    assert Transfer(FILE.name, len(CONTENT), len(CONTENT)) in seen


def test_verify_says_when_only_the_start_of_the_checksum_is_known(hub: Hub, tmp_path: Path) -> None:
    file = catalogue_file(FILE.name, CONTENT, sha256=FILE.sha256[:8])
    model = CatalogueModel("start", "separate", (file,), "free")
    store = Store(tmp_path, hub_url=hub.url, catalogue=catalogue_of(model))
    store.pull("start")
    assert [each.state for each in store.verify("start")] == ["right start"]


def test_a_file_of_the_wrong_size_is_told_before_it_is_loaded(store: Store) -> None:
    store.pull("one")
    path = store.where("one")[0]
    path.write_bytes(CONTENT[:-1])
    with pytest.raises(CheckpointError, match=r"299999 bytes, not 300000; run `neuralib models p"):
        store.locate("one", "separate")
    store.pull("one")
    assert path.read_bytes() == CONTENT


def test_a_mirror_that_lacks_a_file_is_told(store: Store, hub: Hub) -> None:
    hub.files.clear()
    with pytest.raises(DownloadError, match="HTTP 404"):
        store.pull("one")


@pytest.mark.parametrize(
    ("make", "suffix", "kind"),
    [
        (safetensors, ".safetensors", "separate"),
        (demucs, ".th", "separate"),
        (whisper, ".pt", "transcribe"),
        (onnx, ".onnx", "midi"),
    ],
)
def test_a_local_checkpoint_is_located_by_its_path(
    store: Store, tmp_path: Path, make: object, suffix: str, kind: str
) -> None:
    path = make(tmp_path / f"my model{suffix}")
    found = store.locate(str(path), kind)
    assert (found.name, found.paths, found.weights) == ("my model", (path,), None)


def test_a_local_checkpoint_of_another_task_is_refused(store: Store, tmp_path: Path) -> None:
    path = whisper(tmp_path / "a.pt")
    with pytest.raises(CheckpointError, match=r"is an OpenAI Whisper checkpoint .*; separate "):
        store.locate(str(path), "separate")


def test_a_local_bag_is_located(store: Store, tmp_path: Path) -> None:
    path = bag(tmp_path, "models: [aa, bb]\nweights: [[1, 0], [0, 1]]\nsegment: 7.5\n", "aa", "bb")
    found = store.locate(str(path), "separate")
    assert found.name == "bag"
    assert [each.name for each in found.paths] == ["aa.safetensors", "bb.safetensors"]
    assert found.weights == ((1.0, 0.0), (0.0, 1.0))
    assert found.segment_seconds == 7.5


def test_basic_pitch_is_found_in_its_distribution() -> None:
    store = Store(Path("no such folder"))
    (path,) = store.locate("basic-pitch", "midi").paths
    assert path.name == "nmp.onnx"
    assert importlib.metadata.version("basic-pitch") == "0.4.0"
    assert [each.state for each in store.verify("basic-pitch")] == ["right"]
    assert store.pull("basic-pitch").paths == (path,)


def test_an_import_is_located_listed_and_verified_by_its_name(store: Store, tmp_path: Path) -> None:
    path = demucs(tmp_path / "mine.th")
    assert store.import_(path) == "mine"
    found = store.locate("mine", "separate")
    assert found.name == "mine"
    assert found.paths[0].is_relative_to(store.folder)
    assert found.paths[0].read_bytes() == path.read_bytes()
    assert state(store, "mine") == "imported"
    assert store.where("mine") == found.paths
    assert [each.state for each in store.verify("mine")] == ["right"]
    flip(found.paths[0], 99)
    assert [each.state for each in store.verify("mine")] == ["damaged"]


def test_an_imported_bag_brings_its_checkpoints(store: Store, tmp_path: Path) -> None:
    path = bag(tmp_path, "models: [aa, bb, aa]\n", "aa", "bb")
    assert store.import_(path, "trio") == "trio"
    for each in ("aa", "bb"):
        (tmp_path / f"{each}.safetensors").unlink()
    found = store.locate("trio", "separate")
    assert found.name == "trio"
    assert [each.name[:2] for each in found.paths] == ["aa", "bb", "aa"]


def test_an_import_of_a_catalogue_file_takes_its_place(
    store: Store, hub: Hub, tmp_path: Path
) -> None:
    content = safetensors(tmp_path / "real.safetensors").read_bytes()
    model = CatalogueModel("real", "separate", (catalogue_file("x.safetensors", content),), "free")
    offline = Store(tmp_path / "models", offline=True, catalogue=catalogue_of(model))
    assert offline.import_(tmp_path / "real.safetensors", "whatever") == "real"
    assert offline.locate("real", "separate").paths[0].read_bytes() == content
    assert [each.state for each in offline.verify("real")] == ["right"]
    assert len(offline.models()) == 1


def test_importing_twice_is_harmless_and_another_file_is_refused(
    store: Store, tmp_path: Path
) -> None:
    path = demucs(tmp_path / "mine.th")
    assert store.import_(path) == store.import_(path) == "mine"
    other = demucs(tmp_path / "other.th", extra="x")
    with pytest.raises(UsageError, match="mine is the name of another import"):
        store.import_(other, "mine")
    assert store.locate("mine", "separate").paths[0].read_bytes() == path.read_bytes()


def test_a_name_of_the_catalogue_is_not_for_other_files(store: Store, tmp_path: Path) -> None:
    path = demucs(tmp_path / "mine.th")
    with pytest.raises(UsageError, match=r"one is a name of the catalogue, and .* give another"):
        store.import_(path, "one")


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "a/b", "../up", "con", "NUL.txt", "a.", "-x", "a" * 65, "ü", "a b", "a\n"],
)
def test_a_name_that_some_system_cannot_have_is_refused(
    store: Store, tmp_path: Path, name: str
) -> None:
    path = demucs(tmp_path / "mine.th")
    with pytest.raises(UsageError, match="cannot name an import; give --name"):
        store.import_(path, name)
    assert not store.folder.exists()


@pytest.mark.parametrize(
    "content",
    [b"", b"text\n", b"RIFF\x00\x00\x00\x00WAVE", b"PK\x03\x04broken", b"\x08\x08\xff\xff"],
)
def test_what_is_no_checkpoint_is_not_imported(
    store: Store, tmp_path: Path, content: bytes
) -> None:
    path = tmp_path / "fake.th"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=r"fake\.th"):
        store.import_(path)
    assert not store.folder.exists()


def test_what_is_not_there_is_not_imported(store: Store, tmp_path: Path) -> None:
    with pytest.raises(UnknownModel, match="is not a file"):
        store.import_(tmp_path / "none.th")
