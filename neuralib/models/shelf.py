"""The catalogue's files in the models folder: which of them are here."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Literal

from neuralib.errors import CheckpointError, ModelMissing, UnknownModel, UsageError
from neuralib.models.distribution import find_in_distribution
from neuralib.models.entry import CatalogueFile, CatalogueModel
from neuralib.models.files import Kind, ModelFiles
from neuralib.models.lock import locked
from neuralib.models.removal import remove

ShelfState = Literal["present", "partial", "missing", "damaged"]
"""`partial`: some files, or a part of one. `damaged`: a file has the wrong size."""


class Shelf:
    """Folders `<kind>/`, each with the checkpoint files of that task."""

    def __init__(self, folder: Path, catalogue: Mapping[str, CatalogueModel]) -> None:
        self.folder = folder
        self.catalogue = catalogue

    def named(self, name: str, others: Iterable[str] = ()) -> CatalogueModel:
        """Give the catalogue's model of that name.

        Args:
            name: as the catalogue has it.
            others: names beside the catalogue's that may have been meant.

        Raises:
            UnknownModel: where there is none.
        """
        model = self.catalogue.get(name)
        if model is None:
            known = [*self.catalogue, *others]
            raise UnknownModel(f"model {name!r} is not in the catalogue; {hint(name, known)}")
        return model

    def names(self, kind: Kind) -> list[str]:
        """Name the models of one task."""
        return [model.name for model in self.catalogue.values() if model.kind == kind]

    def place_of(self, model: CatalogueModel, file: CatalogueFile) -> Path:
        """Where a file is kept, be it there or not."""
        return self.folder / model.kind / file.name

    def path_of(self, model: CatalogueModel, file: CatalogueFile) -> Path | None:
        """Where a file is, on the shelf or in its Python distribution; None: nowhere."""
        place = self.place_of(model, file)
        if place.is_file():
            return place
        return find_in_distribution(file.name) if file.address is None else None

    def find(self, model: CatalogueModel, *, offline: bool = False) -> ModelFiles:
        """Give the files of a model; their sizes are checked, their contents are not.

        Args:
            model: of the catalogue.
            offline: advise to bring the files, and not only to fetch them.

        Raises:
            ModelMissing: where one of them is not here.
            CheckpointError: where one of them has the wrong size.
        """
        found = [self.path_of(model, file) for file in model.files]
        paths = tuple(path for path in found if path is not None)
        if len(paths) < len(model.files):
            raise self.missing(model, offline=offline)
        for path, file in zip(paths, model.files, strict=True):
            if not _has_size(path, file):
                raise CheckpointError(
                    f"{path} is damaged: {path.stat().st_size} bytes, not {file.size_bytes}; run "
                    f"`neuralib models pull {model.name}` to fetch it again"
                )
        return ModelFiles(model.name, paths, model.weights, model.segment_seconds, model.licence)

    def state(self, model: CatalogueModel) -> ShelfState:
        """Tell how much of a model is here, without reading it."""
        files = model.distinct_files
        here = {file: path for file in files if (path := self.path_of(model, file)) is not None}
        if not all(_has_size(path, file) for file, path in here.items()):
            return "damaged"
        if len(here) == len(files):
            return "present"
        places = [self.place_of(model, file) for file in files]
        return "partial" if here or any(map(_leftovers, places)) else "missing"

    def remove(self, model: CatalogueModel) -> int:
        """Remove the files of a model, and what broken pulls left; give the bytes freed.

        A file stays where a larger model needs it that is here. Other names of the same files,
        and models that consist of some of them, go too.

        Raises:
            ModelMissing: where none of it is in the folder.
            UsageError: where all of it belongs to a larger model as well.
            OutputError: where something cannot be removed.
        """
        places = {file: self.place_of(model, file) for file in model.distinct_files}
        here = {file: place for file, place in places.items() if _leftovers(place)}
        if not here:
            elsewhere = self.path_of(model, model.files[0])
            raise ModelMissing(
                f"model {model.name} is not in {self.folder}; there is nothing to remove"
                if elsewhere is None
                else f"model {model.name} is part of a Python package; run `pip uninstall "
                f"{model.name}` to remove {elsewhere}"
            )
        larger = self._larger(model)
        needed = {file for other in larger for file in other.files}
        if needed.issuperset(here):
            raise UsageError(
                f"the files of {model.name} belong to {larger[0].name} too; remove that one"
            )
        freed = 0
        for place in (here[file] for file in here.keys() - needed):
            with locked(place):
                freed += sum(map(remove, _leftovers(place)))
        return freed

    def _larger(self, model: CatalogueModel) -> list[CatalogueModel]:
        """Find the models that are here and consist of files of this one and of others."""
        own = set(model.files)
        return [
            other
            for other in self.catalogue.values()
            if own.intersection(other.files)
            and not own.issuperset(other.files)
            and self.state(other) in ("present", "damaged")
        ]

    def missing(self, model: CatalogueModel, *, offline: bool) -> ModelMissing:
        """Say that a model is not here, and what to type."""
        size = "" if model.size_bytes is None else f" ({model.size_bytes / 1e6:.1f} MB)"
        advice = f"run `neuralib models pull {model.name}`{size}"
        if offline:
            advice = (
                f"offline is set: {advice} without it, or bring the files here (`neuralib models "
                "list --json` has their addresses) and run `neuralib models import FILE`"
            )
        return ModelMissing(f"model {model.name} is not in {self.folder}; {advice}")


def hint(name: str, names: Iterable[str]) -> str:
    """Advise on a name that is not among `names`."""
    close = difflib.get_close_matches(name, list(names), n=3, cutoff=0.5)
    question = f"did you mean {' or '.join(close)}? " if close else ""
    return f"{question}`neuralib models list` shows the names"


def _leftovers(place: Path) -> list[Path]:
    """Give what is there of a file: itself, and the part that a broken pull left."""
    both = (place, place.with_name(place.name + ".part"))
    return [path for path in both if path.is_file()]


def _has_size(path: Path, file: CatalogueFile) -> bool:
    return file.size_bytes in (None, path.stat().st_size)
