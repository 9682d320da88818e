"""From what the user names to files, each with a name of its own for its results."""

from __future__ import annotations

import os
import shutil
import stat
import sys
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING

from neuralib.errors import InputError, InputNotFound, NeuraLibError, NoAudio, UsageError

if TYPE_CHECKING:
    from neuralib.audio.raw import RawFormat

AUDIO_SUFFIXES = frozenset(
    f".{suffix}"
    for suffix in [
        *("aac", "ac3", "aif", "aifc", "aiff", "alac", "amr", "ape", "au", "caf", "flac", "m4a"),
        *("mka", "mkv", "mov", "mp2", "mp3", "mp4", "oga", "ogg", "opus", "tta", "w64", "wav"),
        *("webm", "wma", "wv"),
    ]
)
"""What counts as audio inside a folder; a file named directly may have any suffix."""


@dataclass(frozen=True)
class Input:
    """One thing to run on: a file, or the reason why there is none."""

    label: str
    """As the user knows it."""
    path: Path
    name: str
    """Base name of its results, unique in the batch."""
    error: NeuraLibError | None = None
    raw: RawFormat | None = None
    """What it holds, where it does not say so itself."""


def find_inputs(words: Sequence[str], raw: str | None = None) -> list[Input]:
    """List the files that `words` name: files, folders (searched, in sorted order), `-`.

    What is not there stays in the list with its error, so that the rest can be done.

    Args:
        words: as the user wrote them.
        raw: RATE,CHANNELS,FORMAT of inputs without headers.

    Raises:
        UsageError: where `-` is given twice, standard input is a terminal, or `raw` is wrong.
    """
    if words.count("-") > 1:
        raise UsageError("- (standard input) was given twice; it can be read once")
    found = [entry for word in words for entry in _find(word)]
    if raw is not None:
        from neuralib.audio.raw import parse_raw

        format = parse_raw(raw)
        found = [replace(entry, raw=format) for entry in found]
    return with_unique_names(found)


def _find(word: str) -> Iterator[Input]:
    path = Path(word)
    if word == "-":
        if sys.stdin.isatty():
            raise UsageError("- reads audio from standard input, which is a terminal; pipe a file")
        yield Input("-", path, "stdin")
        return
    try:
        files = _files(word)
    except InputError as error:
        yield Input(word, path, safe_stem(path.stem), error)
        return
    for file in files:
        yield Input(str(file), file, safe_stem(file.stem))


def _files(word: str) -> list[Path]:
    """List the files that a word names: itself, or what is audio in this folder."""
    path = Path(word)
    try:
        if not stat.S_ISDIR(os.stat(word).st_mode):  # no file has an empty name
            return [path]
        os.listdir(word)
        os.stat(os.path.join(word, os.curdir))  # asks whether it may be searched
    except FileNotFoundError:
        raise InputNotFound(f"no such file: {word!r}; check the name") from None
    except OSError as error:
        raise InputNotFound(
            f"cannot look at {word!r}: {error.strerror or error}; check the name, and the "
            "permissions of its folders"
        ) from None
    if found := sorted(_audio_files(word)):
        return found
    raise NoAudio(f"folder {word!r} holds no audio file; name the files themselves")


def _audio_files(folder: str) -> Iterator[Path]:
    for place, folders, files in os.walk(folder):  # twice as fast as `Path.rglob`
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in files:
            is_audio = os.path.splitext(name)[1].lower() in AUDIO_SUFFIXES
            path = os.path.join(place, name)
            if is_audio and not name.startswith(".") and os.path.isfile(path):
                yield Path(path)


_DEVICES = frozenset(
    ["con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))]
)
"""Names that Windows takes for devices, whatever suffix follows."""


def safe_stem(stem: str) -> str:
    """Make a file name that every file system and every line of a list can hold."""
    text = unicodedata.normalize("NFC", stem)
    clean = "".join(
        "_" if not char.isprintable() or char in '<>:"/\\|?*' else char for char in text
    )
    clean = clean.rstrip(". ") or "_"
    return f"_{clean}" if clean.partition(".")[0].rstrip().casefold() in _DEVICES else clean


def with_unique_names(entries: list[Input]) -> list[Input]:
    """Tell equal names apart by their suffix, then by a number.

    The suffix stands in brackets: a folder of stems called `song.wav` could not lie beside it.
    """
    shared = Counter(entry.name.casefold() for entry in entries)
    wished = [
        replace(entry, name=safe_stem(f"{entry.name} ({entry.path.suffix[1:]})"))
        if shared[entry.name.casefold()] > 1 and entry.path.suffix
        else entry
        for entry in entries
    ]
    taken: set[str] = set()
    last: dict[str, int] = {}
    unique = []
    for entry in wished:
        key = entry.name.casefold()
        name, number = entry.name, last.get(key, 1)
        while name.casefold() in taken:
            number += 1
            name = f"{entry.name} ({number})"
        last[key] = number
        taken.add(name.casefold())
        unique.append(replace(entry, name=name))
    return unique


def spool_standard_input() -> Path:
    """Copy standard input to a temporary file, which the caller removes; give its path.

    Raises:
        InputError: where there is no room for it.
    """
    with NamedTemporaryFile(prefix="neuralib-", suffix=".stdin", delete=False) as file:
        path = Path(file.name)
        try:
            shutil.copyfileobj(sys.stdin.buffer, file, 1 << 20)
        except OSError as error:
            path.unlink(missing_ok=True)
            raise InputError(
                f"cannot keep standard input in {path.parent}: {error.strerror}; free space "
                "there, or set TMPDIR to another folder"
            ) from None
        except BaseException:
            path.unlink(missing_ok=True)
            raise
    return path


@contextmanager
def readable(entry: Input) -> Iterator[Path]:
    """Give the input as a file that can be read twice, while the context lasts."""
    if entry.label != "-":
        yield entry.path
        return
    path = spool_standard_input()
    try:
        with told_as_standard_input(entry, path):
            yield path
    finally:
        path.unlink(missing_ok=True)


@contextmanager
def told_as_standard_input(entry: Input, path: Path) -> Iterator[None]:
    """Let no message speak of the file that standard input was copied to."""
    try:
        yield
    except InputError as error:
        if entry.label != "-":
            raise
        raise type(error)(error.message.replace(repr(str(path)), "standard input")) from None
