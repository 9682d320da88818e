"""Other forms of a checkpoint, made once and kept beside the models."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from neuralib.errors import CheckpointError, InternalError, OutputError
from neuralib.models.digest import Digests
from neuralib.models.files import ModelFiles
from neuralib.models.lock import cannot_write, locked
from neuralib.models.removal import remove

_MANIFEST = "prepared.json"
"""Inside each folder: the size of every file, by which an incomplete folder is told."""


class Prepared:
    """Folders `<sha256 of the checkpoint, 16 digits>-<form>`, each whole or not there."""

    def __init__(self, folders: Sequence[Path]) -> None:
        """Look in `folders`; write in the first of them that can be written."""
        self.folders = tuple(dict.fromkeys(folders))
        self._digests = Digests(self.folders[-1] / "digests.json")

    def get(self, model: ModelFiles, form: str, build: Callable[[Path], None]) -> Path:
        """Give the folder of `model` in another form, made by `build` where it is not there.

        `build` is given an empty folder to fill; it runs in one process at a time, and what it
        raises is passed on (an OSError as OutputError), with nothing left behind.

        Args:
            model: whose checkpoint decides, by its content, not by its name or place.
            form: name of the form: lower-case letters, digits, dots, dashes; part of the key,
                so it must change when `build` makes something else. One that ends in a dash and
                a number takes the place of those with a lower number, or with none.
            build: fills the folder it is given.

        Raises:
            CheckpointError: where the checkpoint cannot be read.
            OutputError: where no folder can be written.
        """
        if not re.fullmatch(r"[a-z0-9][a-z0-9._-]*", form):
            raise InternalError(f"form {form!r} is not lower-case letters, digits, dots, dashes")
        name = f"{self._key_of(model)}-{form}"
        for folder in self.folders:
            if _is_whole(folder / name):
                return folder / name
        *first, last = self.folders
        for folder in first:
            try:
                return _made(folder / name, build)
            except OutputError:
                continue
        return _made(last / name, build)

    def remove(self, digests: Sequence[str]) -> int:
        """Remove every form of a model, and of each of its checkpoints; give the bytes freed.

        A form that another model needs as well is made again when it runs.

        Args:
            digests: sha256 of its checkpoints, in the bag's order.

        Raises:
            OutputError: where a form cannot be removed.
        """
        keys = {_key(digests), *(_key([digest]) for digest in digests)}
        freed = 0
        for folder in self.folders:
            for path in sorted(path for key in keys for path in folder.glob(f"{key}-*")):
                with locked(path.with_name(path.name.removesuffix(".part"))):
                    freed += remove(path)
        return freed

    def _key_of(self, model: ModelFiles) -> str:
        try:
            digests = {path: self._digests.of(path) for path in dict.fromkeys(model.paths)}
        except OSError as error:
            raise CheckpointError(
                f"cannot read checkpoint {error.filename}: {error.strerror}"
            ) from None
        return _key([digests[path] for path in model.paths])


def _key(digests: Sequence[str]) -> str:
    joined = "".join(digests)
    return (joined if len(digests) == 1 else hashlib.sha256(joined.encode()).hexdigest())[:16]


def _made(target: Path, build: Callable[[Path], None]) -> Path:
    with locked(target):
        if not _is_whole(target):
            _make(target, build)
            _remove_older(target)
    return target


def _make(target: Path, build: Callable[[Path], None]) -> None:
    fresh = target.with_name(target.name + ".part")
    try:
        shutil.rmtree(fresh, ignore_errors=True)
        shutil.rmtree(target, ignore_errors=True)
        fresh.mkdir()
        build(fresh)
        (fresh / _MANIFEST).write_text(json.dumps(_sizes(fresh), indent=1), encoding="utf-8")
        os.replace(fresh, target)
    except OSError as error:
        raise cannot_write(target.parent, error) from None
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _remove_older(target: Path) -> None:
    """Free the space of the forms whose place `target` takes; who has one open keeps it."""
    name, _, number = target.name.rpartition("-")
    if not number.isdecimal():
        return
    for path in target.parent.glob(f"{name}*"):
        older = re.fullmatch(r"(?:-(\d+))?", path.name.removeprefix(name))
        if older and int(older[1] or 0) < int(number):
            with suppress(OutputError):
                remove(path)


def _sizes(folder: Path) -> dict[str, int]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.stat().st_size for path in files}


def _is_whole(folder: Path) -> bool:
    try:
        sizes = json.loads((folder / _MANIFEST).read_text(encoding="utf-8"))
        return all((folder / name).stat().st_size == size for name, size in sizes.items())
    except (OSError, ValueError, AttributeError):
        return False
