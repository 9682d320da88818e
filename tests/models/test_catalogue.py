"""The literal table against what the installed packages say themselves."""

from __future__ import annotations

import ast
import base64
import importlib.metadata
import importlib.util
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from neuralib.models.catalogue import BASIC_PITCH, CATALOGUE
from neuralib.models.entry import CatalogueModel
from neuralib.tasks import MidiTask, SeparateTask, TranscribeTask

FILES = {file for model in CATALOGUE.values() for file in model.files}


def package(name: str) -> Path:
    spec = importlib.util.find_spec(name)
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent


def of_kind(kind: str) -> dict[str, CatalogueModel]:
    return {name: model for name, model in CATALOGUE.items() if model.kind == kind}


def demucs_bags() -> dict[str, dict[str, Any]]:
    folder = package("demucs") / "remote"
    return {path.stem: yaml.safe_load(path.read_bytes()) for path in folder.glob("*.yaml")}


def demucs_addresses() -> dict[str, str]:
    root, addresses = "", {}
    for line in (package("demucs") / "remote" / "files.txt").read_text().splitlines():
        if line.startswith("root:"):
            root = line.partition(":")[2].strip()
        elif line and not line.startswith("#"):
            addresses[line[:8]] = f"https://dl.fbaipublicfiles.com/demucs/{root}{line}"
    return addresses


def whisper_addresses() -> dict[str, str]:
    tree = ast.parse((package("whisper") / "__init__.py").read_text(encoding="utf-8"))
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "_MODELS":
            return ast.literal_eval(node.value)
    raise AssertionError("whisper has no _MODELS any more")


def test_demucs_models_are_those_of_the_package() -> None:
    assert of_kind("separate").keys() == demucs_bags().keys()


@pytest.mark.parametrize("name", sorted(of_kind("separate")))
def test_a_demucs_bag_is_that_of_the_package(name: str) -> None:
    model, bag = CATALOGUE[name], demucs_bags()[name]
    assert [file.name[:8] for file in model.files] == bag["models"]
    weights = bag.get("weights")
    assert model.weights == (weights and tuple(tuple(row) for row in weights))
    assert model.segment_seconds == bag.get("segment")
    assert {len(row) for row in model.weights or ()} <= {len(model.sources)}


def test_demucs_addresses_are_those_of_the_package() -> None:
    from demucs.hf import DEFAULT_NAMESPACE, hf_repo_name

    legacy = demucs_addresses()
    for name, model in of_kind("separate").items():
        for file in model.files:
            assert file.address is not None
            if file.name.endswith(".th"):
                assert file.address == legacy[file.name[:8]]
                assert file.sha256.startswith(file.name[9:17])
            else:
                hub = rf"https://huggingface.co/{DEFAULT_NAMESPACE}/{hf_repo_name(name)}/resolve/"
                assert re.fullmatch(rf"{hub}[0-9a-f]{{40}}/{file.name}", file.address)
                assert file.name[:8] in legacy


def test_whisper_models_are_those_of_the_package() -> None:
    ours = {name: model.files[0].address for name, model in of_kind("transcribe").items()}
    assert ours == whisper_addresses()
    for model in of_kind("transcribe").values():
        assert model.files[0].address is not None
        assert model.files[0].address.split("/")[-2:] == [
            model.files[0].sha256,
            model.files[0].name,
        ]


def test_basic_pitch_is_that_of_the_package() -> None:
    name, _, version = BASIC_PITCH.partition("==")
    assert importlib.metadata.version(name) == version
    (file,) = CATALOGUE[name].files
    (installed,) = [each for each in importlib.metadata.files(name) or () if each.name == file.name]
    assert installed.hash is not None
    digest = base64.urlsafe_b64decode(installed.hash.value + "=").hex()
    assert (digest, installed.size) == (file.sha256, file.size_bytes)


def test_every_file_can_be_checked() -> None:
    for file in FILES:
        assert re.fullmatch(r"[0-9a-f]{64}|[0-9a-f]{8}", file.sha256)
        assert file.is_fully_checked or file.name.endswith(".th")
        assert file.size_bytes is None or file.size_bytes > 100_000


def test_a_file_name_means_one_file() -> None:
    places = {(model.kind, file.name) for model in CATALOGUE.values() for file in model.files}
    assert len(places) == len(FILES)


def test_the_defaults_are_those_of_the_tasks() -> None:
    defaults = [(model.kind, model.name) for model in CATALOGUE.values() if model.is_default]
    tasks = (SeparateTask(), MidiTask(), TranscribeTask())
    assert defaults == [(task.kind, task.model) for task in tasks]


def test_licences_say_what_the_authors_say() -> None:
    assert all("research" in model.licence for model in of_kind("separate").values())
    assert all(model.licence.startswith("MIT") for model in of_kind("transcribe").values())
    assert CATALOGUE["basic-pitch"].licence.startswith("Apache-2.0")
