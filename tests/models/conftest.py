from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator

import pytest

from neuralib.models.entry import CatalogueFile, CatalogueModel
from tests.models.hub import Hub

CONTENT = random.Random(1).randbytes(300_000)
OTHER = random.Random(2).randbytes(70_000)


def catalogue_file(name: str, content: bytes, **changes: object) -> CatalogueFile:
    values = {
        "name": name,
        "address": f"https://hub.invalid/some/folder/{name}",
        "sha256": hashlib.sha256(content).hexdigest(),
        "size_bytes": len(content),
    }
    return CatalogueFile(**{**values, **changes})


def catalogue_of(*models: CatalogueModel) -> dict[str, CatalogueModel]:
    return {model.name: model for model in models}


FILE = catalogue_file("one.safetensors", CONTENT)
SECOND = catalogue_file("two.safetensors", OTHER)
ONE = CatalogueModel("one", "separate", (FILE,), "free")
BAG = CatalogueModel(
    "bag", "separate", (FILE, SECOND, FILE), "free", ("a",), ((1.0,), (0.5,), (0.0,)), 44.0
)
CATALOGUE = catalogue_of(ONE, BAG)


@pytest.fixture
def hub() -> Iterator[Hub]:
    with Hub(
        {"/some/folder/one.safetensors": CONTENT, "/some/folder/two.safetensors": OTHER}
    ) as it:
        yield it


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """The hub is on this machine; a proxy of the environment could not reach it."""
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
