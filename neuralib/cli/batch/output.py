"""Where the results of a batch go, and whether they can."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from neuralib.cli.batch.inputs import Input
from neuralib.cli.batch.record import Record
from neuralib.cli.console import complain, put, put_json
from neuralib.errors import UsageError, cannot_write
from neuralib.tasks import MidiTask, SeparateTask, TranscribeTask

AnyTask = SeparateTask | MidiTask | TranscribeTask


def choose_output(
    output: str | None,
    task: AnyTask,
    inputs: Sequence[Input],
    *,
    json: bool,
    skip_existing: bool,
) -> str:
    """Give the folder for the results, or `-`, and make sure that it can be written to.

    Raises:
        UsageError: where the one stream cannot take what will come.
        OutputError: where the folder cannot be written.
    """
    if output == "":
        raise UsageError("-o: got ''; name a folder, or - for standard output, or leave it out")
    if output is None:
        piped = [entry.label for entry in inputs] == ["-"]
        output = "-" if piped and _writes_one(task) and not json else "."
    if output == "-":
        _check_stream(task, inputs, json=json, skip_existing=skip_existing)
    else:
        check_folder(Path(output))
    return output


def result_folder(output: str | None, task: AnyTask, name: str) -> Path:
    """Give the folder of the results of the input `name`: stems have one of their own."""
    folder = Path(output or ".")
    return folder / name if isinstance(task, SeparateTask) else folder


def _writes_one(task: AnyTask) -> bool:
    if isinstance(task, SeparateTask):
        return task.stems is not None and len(task.stems) == 1 and not task.residual
    return len(task.formats) == 1


def _check_stream(
    task: AnyTask, inputs: Sequence[Input], *, json: bool, skip_existing: bool
) -> None:
    if json:
        raise UsageError("-o - and --json both want standard output; give one of them")
    if skip_existing:
        raise UsageError("-o - leaves nothing that --skip-existing could find; give one of them")
    if len(inputs) != 1:
        raise UsageError(f"-o - writes one result, but {len(inputs)} inputs were given")
    if isinstance(task, SeparateTask):
        binary, what = True, "stem; name it, for instance --stems vocals"
    else:
        binary, what = task.formats == ("mid",), "format; name one"
    if not _writes_one(task):
        raise UsageError(f"-o - writes one {what}")
    if binary and sys.stdout.isatty():
        raise UsageError(
            "standard output is a terminal, and the result is binary; redirect it to a file, or "
            "name a folder with -o"
        )


def check_folder(folder: Path) -> None:
    """Make sure that the folder, or where it will be made, can be written to.

    Raises:
        OutputError: where it cannot.
    """
    places = (folder, *folder.absolute().parents)
    try:
        with contextlib.suppress(FileNotFoundError):
            os.stat(folder)  # tells a name that is too long, or behind a closed door
        place = next(path for path in places if os.path.exists(path))
        with tempfile.TemporaryFile(dir=place):
            pass
    except OSError as error:
        raise cannot_write(folder, error) from None


def show_record(record: Record, *, json: bool, paths: bool) -> None:
    """Print what became of an input: its record, or (where `paths`) a path a line."""
    if json:
        put_json(record.to_json())
    elif paths:
        for output in record.outputs:
            put(output["path"])
    if record.error:
        message = record.error["message"]
        told = record.input == "-" or record.input in message
        complain(message if told else f"{record.input}: {message}")
