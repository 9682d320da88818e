"""What `neuralib models list` shows: the catalogue, and what was imported."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from neuralib.models.entry import CatalogueFile
from neuralib.models.files import Kind
from neuralib.models.imported import Imported
from neuralib.models.shelf import Shelf, ShelfState


@dataclass(frozen=True)
class ListedModel:
    """A line of the list of models."""

    name: str
    kind: Kind
    size_bytes: int | None
    """None: not published."""
    licence: str
    state: ShelfState | Literal["imported"]
    is_default: bool = False
    """Taken when no model is named."""
    files: tuple[CatalogueFile, ...] = ()
    """With their addresses, to be fetched by hand; of an import: none."""


def list_models(shelf: Shelf, imported: Imported) -> list[ListedModel]:
    """List the catalogue, and then the imports; files are looked at, not read."""
    known = [
        ListedModel(
            name=model.name,
            kind=model.kind,
            size_bytes=model.size_bytes,
            licence=model.licence,
            state=shelf.state(model),
            is_default=model.is_default,
            files=model.distinct_files,
        )
        for model in shelf.catalogue.values()
    ]
    imports = [
        ListedModel(each.name, each.kind, each.size_bytes, "unknown", "imported")
        for each in imported.all()
    ]
    return known + imports
