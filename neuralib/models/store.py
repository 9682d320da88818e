"""The checkpoints on this machine: one folder that finds, fetches, checks and converts them."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Mapping
from pathlib import Path

from neuralib.errors import UnknownModel, UsageError
from neuralib.models.bag import read_bag
from neuralib.models.catalogue import CATALOGUE
from neuralib.models.check import Check, check_file
from neuralib.models.checkpoint import form_of, kind_of
from neuralib.models.digest import sha256_of
from neuralib.models.entry import CatalogueFile, CatalogueModel
from neuralib.models.files import Kind, ModelFiles
from neuralib.models.imported import Imported, copy_file
from neuralib.models.listed import ListedModel, list_models
from neuralib.models.prepared import Prepared
from neuralib.models.pull import counted, pull
from neuralib.models.shelf import Shelf, hint
from neuralib.models.transfer import Transfer, TransferReport, unheard

__all__ = ["Check", "Kind", "ListedModel", "ModelFiles", "Store", "Transfer", "TransferReport"]


class Store:
    """The models folder.

    It holds `<kind>/<file>` for the catalogue's files, `imported/<name>/` for imported
    checkpoints and `prepared/` for other forms of them. Nothing is created before something is
    written, and a folder that can only be read serves as well as another.
    """

    def __init__(
        self,
        folder: Path,
        *,
        offline: bool = False,
        hub_url: str | None = None,
        spare: Path | None = None,
        catalogue: Mapping[str, CatalogueModel] = CATALOGUE,
    ) -> None:
        """Look at `folder`.

        Args:
            folder: the models folder; need not exist.
            offline: never touch the network.
            hub_url: a mirror whose scheme, host and path stand for scheme and host of the
                files' own addresses.
            spare: a folder whose `prepared/` is used where that of `folder` cannot be written.
            catalogue: the models that can be named.
        """
        self.folder = folder
        self.offline = offline
        self.hub_url = hub_url
        self._shelf = Shelf(folder, catalogue)
        self._imported = Imported(folder / "imported")
        self._prepared = Prepared([each / "prepared" for each in (folder, spare) if each])

    def locate(self, name_or_path: str, kind: Kind) -> ModelFiles:
        """Find a model that is on this machine.

        Args:
            name_or_path: a name of the catalogue, else the name of an import, else a path to a
                checkpoint or a bag.
            kind: the task that it is for.

        Raises:
            UnknownModel: where it is none of the three, or a model of another task.
            ModelMissing: where the catalogue has it and this machine has not.
            CheckpointError: where the file is empty, cut short, or no checkpoint for `kind`.
        """
        model = self._shelf.catalogue.get(name_or_path)
        if model is not None:
            if model.kind != kind:
                raise UnknownModel(
                    f"{model.name} is a model for {model.kind}, not for {kind}; the models for "
                    f"{kind} are {', '.join(self._names(kind))}"
                )
            return self._shelf.find(model, offline=self.offline)
        found = self._imported.find(name_or_path)
        if found is not None:
            return dataclasses.replace(_local_files(found.path, kind), name=found.name)
        return _local_files(self._local_path(name_or_path, kind), kind)

    def where(self, name: str) -> tuple[Path, ...]:
        """Give the files of a model of the catalogue, or of an import.

        Raises:
            UnknownModel: where the name is neither.
            ModelMissing: where it is not on this machine.
            CheckpointError: where one of its files is damaged.
        """
        found = self._imported.find(name)
        if found is not None:
            return tuple(found.sha256)
        model = self._named(name)
        return tuple(dict.fromkeys(self._shelf.find(model, offline=self.offline).paths))

    def models(self) -> list[ListedModel]:
        """List the catalogue, and then the imports; files are looked at, not read."""
        return list_models(self._shelf, self._imported)

    def pull(self, name: str, report: TransferReport = unheard) -> ModelFiles:
        """Fetch what is missing of a model, and fetch anew what is damaged.

        Raises:
            UnknownModel: where the catalogue has no such name.
            UsageError: where it is the name of an import.
            MissingError: where something must be fetched offline.
            DownloadError: where it cannot be fetched, or is not what the catalogue says.
            OutputError: where the folder is full or cannot be written.
        """
        if self.is_import(name):
            raise UsageError(
                f"{name} was imported, and cannot be pulled; run `neuralib models import FILE` to "
                "bring another checkpoint"
            )
        model = self._shelf.named(name)
        pull(self._shelf, model, offline=self.offline, hub_url=self.hub_url, report=report)
        return self._shelf.find(model)

    def here(self) -> tuple[str, ...]:
        """Name the models of which every file is here, be it right or damaged, and the imports.

        Of several names for the same files the first is given.
        """
        names: dict[object, str] = {}
        for model in self.models():
            if model.state not in ("missing", "partial"):
                names.setdefault(model.files or model.name, model.name)
        return tuple(names.values())

    def verify(self, name: str, report: TransferReport = unheard) -> tuple[Check, ...]:
        """Read the files of a model, and compare each with its sha256.

        Raises:
            UnknownModel: where the name is neither in the catalogue nor that of an import.
        """
        found = self._imported.find(name)
        if found is not None:
            expected = dict(found.sha256)
        else:
            model = self._named(name)
            expected = {
                self._shelf.path_of(model, file) or self._shelf.place_of(model, file): file.sha256
                for file in model.distinct_files
            }
        return tuple(
            check_file(path, sha256, counted(path, report)) for path, sha256 in expected.items()
        )

    def import_(self, path: Path, name: str | None = None) -> str:
        """Copy a local checkpoint into the folder, and give the name that it has there.

        A file of the catalogue, told by its sha256, takes its place in the folder, so that a
        machine without network can be served; any other one is kept under `name`.

        Args:
            path: a checkpoint, or a bag with its checkpoints beside it.
            name: the name to give; None: the file's name without its suffix.

        Raises:
            UnknownModel: where there is no such file.
            CheckpointError: where it is not a checkpoint.
            UsageError: where the name cannot be given.
            OutputError: where it cannot be copied.
        """
        path = path.expanduser()
        if not os.path.isfile(path):
            raise UnknownModel(f"{path} is not a file; name a checkpoint, or a bag (.yaml)")
        kind = kind_of(path)
        sha256 = sha256_of(path)
        for model in self._shelf.catalogue.values():
            for file in model.distinct_files:
                if model.kind == kind and _is_that(path, sha256, file):
                    copy_file(path, self._shelf.place_of(model, file))
                    return model.name
        name = path.stem if name is None else name
        if name in self._shelf.catalogue:
            raise UsageError(
                f"{name} is a name of the catalogue, and {path} is not its checkpoint (sha256 "
                f"{sha256[:16]}…); give another --name"
            )
        return self._imported.add(path, name).name

    def remove(self, name: str) -> int:
        """Remove a pulled or imported model, and other forms of it; give the bytes freed.

        Raises:
            UnknownModel: where the name is neither in the catalogue nor that of an import.
            ModelMissing, UsageError: where there is nothing to remove, see `Shelf.remove`.
            OutputError: where something cannot be removed.
        """
        found = self._imported.find(name)
        if found is None:
            model = self._named(name)
            digests = [file.sha256 for file in model.files]
            return self._shelf.remove(model) + self._prepared.remove(digests)
        digests = list(found.sha256.values())  # those of a bag match nothing: no form is made of it
        return self._imported.remove(name) + self._prepared.remove(digests)

    def is_import(self, name: str) -> bool:
        """Tell whether a checkpoint was imported as `name`."""
        return self._imported.find(name) is not None

    def prepared(self, model: ModelFiles, form: str, build: Callable[[Path], None]) -> Path:
        """Give the folder of `model` in another form, made once by `build`; see `Prepared.get`."""
        return self._prepared.get(model, form, build)

    def _named(self, name: str) -> CatalogueModel:
        return self._shelf.named(name, [each.name for each in self._imported.all()])

    def _local_path(self, path: str, kind: Kind) -> Path:
        local = Path(path).expanduser()
        if os.path.isfile(local):  # pathlib raises where a name is too long to be one
            return local
        if os.path.isdir(local):
            raise UnknownModel(
                f"model {path} is a folder; name the checkpoint in it, or its bag (.yaml)"
            )
        raise UnknownModel(
            f"model {path!r} is neither a name of the catalogue nor a file; "
            f"{hint(path, self._names(kind))}"
        )

    def _names(self, kind: Kind) -> list[str]:
        imports = [each.name for each in self._imported.all() if each.kind == kind]
        return self._shelf.names(kind) + imports


def _local_files(path: Path, kind: Kind) -> ModelFiles:
    if form_of(path, kind) == "bag":
        return read_bag(path)
    return ModelFiles(name=path.stem, paths=(path,))


def _is_that(path: Path, sha256: str, file: CatalogueFile) -> bool:
    return sha256.startswith(file.sha256) and (file.is_fully_checked or path.name == file.name)
