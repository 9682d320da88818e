"""Where the results of a run go: all of them, or none."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import stat
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Literal, cast

from neuralib.errors import OutputError, cannot_write
from neuralib.execute.drafts import digest, digest_of, draft_name, make_draft, sweep
from neuralib.execute.room import check_room

ArtifactKind = Literal["stem", "notes", "transcript"]
Place = Callable[[str], str]
"""Tells where below a folder the result of a name goes, with `/` between the parts."""


@dataclass(frozen=True)
class Artifact:
    """One finished result."""

    kind: ArtifactKind
    name: str
    """File name, unique among the results of one run."""
    path: str
    """Where it is now; `-` for standard output."""
    sha256: str
    bytes: int


class Sink(ABC):
    """Takes the results of one run; used as a context that begins before any computing.

    Leaving it normally publishes every draft; leaving it by an exception removes them.
    """

    artifacts: tuple[Artifact, ...] = ()
    """What was published, in the order of creation."""
    spared: Path | None = None
    """The input: a result that would replace it is refused."""

    def __init__(self) -> None:
        self._drafts: list[tuple[ArtifactKind, str, Path]] = []
        self._told: dict[Path, tuple[str, int]] = {}  # digests of drafts that nobody adds to
        self._held = ExitStack()

    def create(self, kind: ArtifactKind, name: str, data: bytes = b"") -> Path:
        """Give the temporary path to write the result `name` to, which begins with `data`.

        Raises:
            OutputError: where it cannot be created.
        """
        for last in (False, False, True):
            try:
                path = self._draft(name)
                self._begin(kind, name, path, data)
                break
            except OSError as error:
                # Another run that shares a folder with this one may just have removed it.
                if last or not isinstance(error, FileNotFoundError):
                    raise cannot_write(name, error) from None
        return path

    def _begin(self, kind: ArtifactKind, name: str, path: Path, data: bytes) -> None:
        # Known before it is there: an interrupt may come between any two steps.
        self._drafts.append((kind, name, path))
        try:
            make_draft(path, self._held, data)
        except OSError:
            with contextlib.suppress(OSError):  # it may be that there is none
                path.unlink()
            self._drafts.pop()
            raise

    def scratch(self) -> BinaryIO:
        """Open a file without a name beside the drafts; it is gone when it is closed.

        Raises:
            OutputError: where it cannot be made.
        """
        folder = self._place()
        try:
            return cast(BinaryIO, tempfile.TemporaryFile(dir=folder, prefix=".neuralib-"))
        except OSError as error:
            raise cannot_write(folder, error) from None

    def check_room(self, needed_bytes: float, what: str) -> None:
        """Make sure that so much can be written; see `room.check_room`.

        Raises:
            OutputError: where it cannot.
        """
        check_room(self._place(), needed_bytes, what)

    def rehearse(self, kind: ArtifactKind, names: Sequence[str]) -> None:
        """Find out what is in the way of results of these names, and leave no trace.

        Raises:
            OutputError: where one cannot be written.
        """
        with contextlib.suppress(_Rehearsed), self:
            for name in names:
                self.create(kind, name)
            raise _Rehearsed

    def put(self, kind: ArtifactKind, name: str, data: bytes) -> None:
        """Write the whole result `name` at once.

        Raises:
            OutputError: where it cannot be written.
        """
        self._told[self.create(kind, name, data)] = digest_of(data)

    def __enter__(self) -> Sink:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        drafts = self._drafts.copy()
        try:
            if kind is None:
                self.artifacts = tuple(
                    Artifact(what, name, self._publish(name, path), *told)
                    for what, name, path in self._drafts
                    for told in [self._told.get(path) or digest(name, path)]
                )
                self._drafts.clear()
        finally:
            for _, _, path in self._drafts:
                path.unlink(missing_ok=True)
            self._drafts.clear()
            self._told.clear()
            self._held.close()
            self._close()
        if isinstance(error, OutputError):
            message = error.message
            for _, name, draft in drafts:
                message = message.replace(repr(str(draft)), repr(self._shown(name)))
            if message != error.message:
                raise type(error)(message) from None

    @abstractmethod
    def _place(self) -> Path:
        """Give the folder of the drafts."""

    @abstractmethod
    def _draft(self, name: str) -> Path: ...

    @abstractmethod
    def _shown(self, name: str) -> str:
        """Say what the user knows a result as."""

    @abstractmethod
    def _publish(self, name: str, draft: Path) -> str: ...

    @abstractmethod
    def _close(self) -> None:
        """Clean up what is left after the drafts are gone."""


class FolderSink(Sink):
    """Writes into a folder, made when it is needed and removed again if nothing came.

    Args:
        folder: for all results.
        place: of each result below it; as a rule its name.
        swept: folders that were searched for what killed runs left; shared in a batch.
    """

    def __init__(self, folder: Path, place: Place = str, swept: set[Path] | None = None) -> None:
        super().__init__()
        self._swept = set() if swept is None else swept
        self.folder = folder
        self._path_of = place
        self._made: list[Path] = []

    def __enter__(self) -> Sink:
        self._made = []
        try:
            self._make(self.folder)
        except FileNotFoundError as error:
            raise cannot_write(self.folder, error) from None
        return self

    def _place(self) -> Path:
        return self.folder

    def _draft(self, name: str) -> Path:
        path = self.folder / self._path_of(name)
        self._make(path.parent)
        if path.parent not in self._swept:
            self._swept.add(path.parent)
            sweep(path.parent)
        _check_place(path, self.spared)
        # Beside its place, which may be on another file system than the folder.
        return path.parent / draft_name()

    def _shown(self, name: str) -> str:
        return str(self.folder / self._path_of(name))

    def _publish(self, name: str, draft: Path) -> str:
        path = self.folder / self._path_of(name)
        try:
            draft.replace(path)
        except OSError as error:
            raise cannot_write(path, error) from None
        return str(path)

    def _make(self, folder: Path) -> None:
        if os.path.isdir(folder):
            return
        missing = [each for each in (folder, *folder.parents) if not os.path.exists(each)]
        self._made = missing + self._made
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except FileNotFoundError:
            raise  # removed meanwhile: worth another try
        except OSError as error:
            raise cannot_write(folder, error) from None

    def _close(self) -> None:
        for folder in self._made:
            with contextlib.suppress(OSError):  # not empty: it holds results
                folder.rmdir()


class StreamSink(Sink):
    """Writes the one result of a run to an open binary stream."""

    def __init__(self, stream: BinaryIO) -> None:
        super().__init__()
        self._stream = stream
        self._folder = tempfile.TemporaryDirectory(prefix="neuralib-")

    def _place(self) -> Path:
        return Path(self._folder.name)

    def _draft(self, name: str) -> Path:
        return self._place() / name

    def _shown(self, name: str) -> str:
        return str(self._place() / name)  # it is the disk of this folder that is full

    def _publish(self, name: str, draft: Path) -> str:
        try:
            with draft.open("rb") as file:
                shutil.copyfileobj(file, self._stream)
            self._stream.flush()
        except BrokenPipeError:
            raise  # whoever read it has had enough
        except OSError as error:
            raise cannot_write("standard output", error) from None
        return "-"

    def _close(self) -> None:
        self._folder.cleanup()


def _check_place(path: Path, spared: Path | None) -> None:
    """Make sure that a draft can be renamed to `path`, while nothing has been renamed yet."""
    try:
        is_folder = stat.S_ISDIR(path.lstat().st_mode)
        is_spared = spared is not None and path.samefile(spared)
    except FileNotFoundError:
        return
    except OSError as error:
        raise cannot_write(path, error) from None
    if is_folder:
        raise cannot_write(path, OSError(errno.EISDIR, os.strerror(errno.EISDIR)))
    if is_spared:
        raise OutputError(
            f"cannot write {str(path)!r}: it is the input itself; choose another folder with -o"
        )


class _Rehearsed(Exception):
    """Makes a sink forget its drafts."""
