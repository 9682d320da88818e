"""The checkpoints on this machine: one folder that finds, fetches, checks and converts them."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from pathlib import Path

from neuralib.errors import CheckpointError, ModelMissing, UnknownModel
from neuralib.models.bag import read_bag
from neuralib.models.catalogue import CATALOGUE
from neuralib.models.checkpoint import form_of
from neuralib.models.distribution import find_in_distribution
from neuralib.models.entry import CatalogueFile, CatalogueModel
from neuralib.models.files import Kind, ModelFiles
from neuralib.models.imported import Imported
from neuralib.models.prepared import prepare_somewhere

__all__ = ["Kind", "ModelFiles", "Store"]


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
            spare: a folder for prepared forms, for when `folder` cannot be written.
            catalogue: the models that can be named.
        """
        self.folder = folder
        self.offline = offline
        self.hub_url = hub_url
        self.catalogue = catalogue
        self.imported = Imported(folder / "imported")
        self._prepared_in = (folder, spare) if spare is not None else (folder,)

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
        model = self.catalogue.get(name_or_path)
        if model is not None:
            if model.kind != kind:
                raise UnknownModel(
                    f"{model.name} is a model for {model.kind}, not for {kind}; the models for "
                    f"{kind} are {', '.join(self._names(kind))}"
                )
            return self._find(model)
        local = self.imported.find(name_or_path) or self._local(name_or_path, kind)
        if form_of(local, kind) == "bag":
            return read_bag(local)
        return ModelFiles(name=local.stem, paths=(local,))

    def prepared(self, model: ModelFiles, form: str, build: Callable[[Path], None]) -> Path:
        """Give the folder of `model` in another form, made once by `build`; see `Prepared.get`."""
        folders = tuple(folder / "prepared" for folder in self._prepared_in)
        return prepare_somewhere(folders, model, form, build)

    def path_of(self, model: CatalogueModel, file: CatalogueFile) -> Path:
        """Where a file of the catalogue is kept, be it there or not."""
        return self.folder / model.kind / file.name

    def _find(self, model: CatalogueModel) -> ModelFiles:
        found = [self._present(model, file) for file in model.files]
        paths = tuple(path for path in found if path is not None)
        if len(paths) < len(model.files):
            raise self._missing(model)
        return ModelFiles(model.name, paths, model.weights, model.segment_seconds, model.licence)

    def _present(self, model: CatalogueModel, file: CatalogueFile) -> Path | None:
        path = self.path_of(model, file)
        if not path.is_file():
            return find_in_distribution(file.name) if file.address is None else None
        size = path.stat().st_size
        if file.size_bytes not in (None, size):
            raise CheckpointError(
                f"{path} is damaged: {size} bytes, not {file.size_bytes}; run `neuralib models "
                f"pull {model.name}` to fetch it again"
            )
        return path

    def _missing(self, model: CatalogueModel) -> ModelMissing:
        size = "" if model.size_bytes is None else f" ({model.size_bytes / 1e6:.0f} MB)"
        advice = f"run `neuralib models pull {model.name}`{size}"
        if self.offline:
            advice = (
                f"{advice} without --offline, or bring its files here and run `neuralib models "
                "import FILE`"
            )
        return ModelMissing(f"model {model.name} is not in {self.folder}; {advice}")

    def _local(self, path: str, kind: Kind) -> Path:
        local = Path(path).expanduser()
        if local.is_file():
            return local
        if local.is_dir():
            raise UnknownModel(
                f"model {path} is a folder; name the checkpoint in it, or its bag (.yaml)"
            )
        close = difflib.get_close_matches(path, self._names(kind), n=3, cutoff=0.5)
        hint = f"did you mean {' or '.join(close)}? " if close else ""
        raise UnknownModel(
            f"model {path!r} is neither a name of the catalogue nor a file; {hint}"
            "`neuralib models list` shows the names"
        )

    def _names(self, kind: Kind) -> list[str]:
        names = [model.name for model in self.catalogue.values() if model.kind == kind]
        return names + self.imported.names(kind)
