"""Checkpoints that the user has brought into the models folder under a name."""

from __future__ import annotations

import json
import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from neuralib.errors import UsageError
from neuralib.models.bag import read_bag
from neuralib.models.checkpoint import form_of, kind_of
from neuralib.models.digest import sha256_of
from neuralib.models.files import Kind
from neuralib.models.lock import cannot_write, locked
from neuralib.models.removal import remove

_MANIFEST = "import.json"
# Reserved by Windows whatever the suffix.
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9_-])?")


@dataclass(frozen=True)
class Import:
    """One checkpoint that was brought here."""

    name: str
    kind: Kind
    path: Path
    """The checkpoint, or the bag."""
    sha256: dict[Path, str]
    """Of every file, when it was imported."""

    @property
    def size_bytes(self) -> int:
        """Bytes of those of its files that are there."""
        return sum(path.stat().st_size for path in self.sha256 if path.is_file())


class Imported:
    """Folders `<name>/`, each with one checkpoint, or with a bag and its checkpoints."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def find(self, name: str) -> Import | None:
        """Give the checkpoint that was imported as `name`."""
        if not is_name(name):
            return None
        folder = self.folder / name
        try:
            values = json.loads((folder / _MANIFEST).read_text(encoding="utf-8"))
            return Import(
                name=name,
                kind=values["kind"],
                path=folder / values["file"],
                sha256={folder / each: str(digest) for each, digest in values["sha256"].items()},
            )
        except (OSError, ValueError, LookupError, TypeError, AttributeError):
            return None

    def all(self) -> list[Import]:
        """Give all imports, by name."""
        if not self.folder.is_dir():
            return []
        found = [self.find(each.name) for each in sorted(self.folder.iterdir())]
        return [each for each in found if each is not None]

    def add(self, path: Path, name: str) -> Import:
        """Copy the checkpoint at `path`, or the bag and its checkpoints, under `name`.

        The same checkpoint may be imported again.

        Raises:
            UsageError: where `name` cannot be one, or is that of another import.
            CheckpointError: where the file is not a checkpoint.
            OutputError: where it cannot be copied.
        """
        if not is_name(name):
            raise UsageError(
                f"{name!r} cannot name an import; give --name with up to 64 letters, digits, dots, "
                "dashes or underscores"
            )
        kind = kind_of(path)
        files = [path]
        if form_of(path, kind) == "bag":
            files += dict.fromkeys(read_bag(path).paths)
        folder = self.folder / name
        with locked(folder):
            fresh = self.folder / f".{name}.part"
            try:
                digests = _copy(files, fresh)
                old = self.find(name)
                if old is None:
                    _write_manifest(fresh, kind, path.name, digests)
                    os.replace(fresh, folder)
                elif {each.name: digest for each, digest in old.sha256.items()} != digests:
                    raise UsageError(
                        f"{name} is the name of another import; give another --name, or remove "
                        f"{folder}"
                    )
            except OSError as error:
                raise cannot_write(self.folder, error) from None
            finally:
                shutil.rmtree(fresh, ignore_errors=True)
        added = self.find(name)
        assert added is not None
        return added

    def remove(self, name: str) -> int:
        """Remove the checkpoint that was imported as `name`; give the bytes freed.

        Raises:
            OutputError: where it cannot be removed.
        """
        folder, going = self.folder / name, self.folder / f".{name}.part"
        with locked(folder):
            try:
                shutil.rmtree(going, ignore_errors=True)
                os.replace(folder, going)  # so that nobody finds a half of it
            except FileNotFoundError:
                return 0
            except OSError as error:
                raise cannot_write(self.folder, error) from None
            return remove(going)


def is_name(name: str) -> bool:
    """Tell whether a folder may be called so, on every system."""
    return bool(_NAME.fullmatch(name)) and not _RESERVED.fullmatch(name)


def copy_file(path: Path, target: Path) -> None:
    """Copy a file so that it is at `target` whole or not at all.

    Raises:
        OutputError: where it cannot be copied.
    """
    with locked(target):
        fresh = target.with_name(f".{target.name}.import")
        try:
            shutil.copyfile(path, fresh)
            os.replace(fresh, target)
        except OSError as error:
            raise cannot_write(target.parent, error) from None
        finally:
            fresh.unlink(missing_ok=True)


def _copy(files: list[Path], folder: Path) -> dict[str, str]:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for file in files:
        shutil.copyfile(file, folder / file.name)
    return {file.name: sha256_of(folder / file.name) for file in files}


def _write_manifest(folder: Path, kind: Kind, file: str, digests: dict[str, str]) -> None:
    values = {"kind": kind, "file": file, "sha256": digests}
    (folder / _MANIFEST).write_text(json.dumps(values, indent=1), encoding="utf-8")
