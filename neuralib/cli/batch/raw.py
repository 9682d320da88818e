"""`--raw`: inputs of bare samples, read like any other."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir

from neuralib.audio.raw import write_wave
from neuralib.cli.batch.inputs import Input
from neuralib.errors import InputError


@contextmanager
def with_header(entry: Input, path: Path) -> Iterator[Path]:
    """Give the input as a file that says what it holds, while the context lasts.

    Args:
        entry: the input; where it has no `raw`, its file is given as it is.
        path: where its bytes are.

    Raises:
        InputError: where it cannot be what `raw` says, or there is no room for a copy.
    """
    if entry.raw is None:
        yield path
        return
    with TemporaryDirectory(prefix="neuralib-") as folder:
        copy = Path(folder) / "input.wav"
        try:
            with copy.open("wb") as file:  # closed, for Windows opens no file twice
                write_wave(path, entry.raw, file)
        except OSError as error:
            raise InputError(
                f"cannot copy {str(path)!r} to {gettempdir()}: {error.strerror}; free space "
                "there, or set TMPDIR to another folder"
            ) from None
        try:
            yield copy
        except InputError as error:  # nobody knows the copy's name
            raise type(error)(error.message.replace(repr(str(copy)), repr(str(path)))) from None
