"""Run one task on many inputs: one bad input never stops the rest."""

from __future__ import annotations

import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from neuralib.cli.console import complain, listen, note, put, put_json, unexpected
from neuralib.cli.display import progress_bar
from neuralib.cli.inputs import Input, find_inputs, spool_standard_input
from neuralib.cli.record import Record, existing, failed, finished
from neuralib.engines.base import Engine, Separator
from neuralib.engines.device import check_name
from neuralib.engines.pool import Engines
from neuralib.errors import InputError, NeuraLibError, UsageError, cannot_write
from neuralib.execute import Source, check, check_fit, execute, expected_names
from neuralib.execute.sink import FolderSink, Sink, StreamSink
from neuralib.models.open import open_store
from neuralib.progress import Progress, Report
from neuralib.settings import load_settings
from neuralib.tasks import MidiTask, SeparateTask, TranscribeTask, build_task


@dataclass(frozen=True)
class Run:
    """How a batch is run, apart from what is run."""

    output: str | None
    device: str | None
    skip_existing: bool
    json: bool
    quiet: bool
    verbose: bool


def run_batch(values: dict[str, Any], words: Sequence[str], run: Run) -> int:
    """Build the task of `values`, run it on every input, print results; give the exit status.

    Everything that can be known to fail is told before anything is started: wrong options, a
    missing model or library, an output format or folder that cannot be written.

    Raises:
        NeuraLibError: where nothing was started.
    """
    listen(quiet=run.quiet, verbose=run.verbose)
    task = build_task(values, name=lambda field: OPTIONS.get(field, f"--{field}".replace("_", "-")))
    settings = load_settings(device=run.device)
    check_name(settings.device)
    inputs = find_inputs(words)
    output = _choose_output(run, task, inputs)
    check(task)
    engines = Engines(open_store(settings), settings.device)
    engines.locate(task)
    return Batch(task, inputs, replace(run, output=output), engines).run()


OPTIONS = {
    "formats": "--format",
    "minimum_note_ms": "--minimum-note-length",
    "minimum_frequency_hz": "--minimum-frequency",
    "maximum_frequency_hz": "--maximum-frequency",
    "melodia_trick": "--melodia",
    "tempo_bpm": "--tempo",
}
"""Options that are not called like the field of the task that they set."""


class Batch:
    """The inputs of one command, in order."""

    def __init__(
        self,
        task: SeparateTask | MidiTask | TranscribeTask,
        inputs: list[Input],
        run: Run,
        engines: Engines,
    ) -> None:
        self._task = task
        self._inputs = inputs
        self._run = run
        self._engines = engines

    def run(self) -> int:
        """Run everything; give the exit status.

        Raises:
            NeuraLibError: where the model cannot be loaded: nothing was started then.
        """
        counts = Counter[str]()
        for number, entry in enumerate(self._inputs, start=1):
            many = len(self._inputs) > 1
            label = f"{number}/{len(self._inputs)} {entry.label}" if many else entry.label
            with progress_bar(label, enabled=not self._run.quiet) as report:
                record = self._one(entry, report)
            self._show(record)
            counts[record.status] += 1
        if len(self._inputs) > 1 and not self._run.quiet:
            note(", ".join(f"{counts[status]} {status}" for status in counts))
        return 1 if counts["failed"] else 0

    def _one(self, entry: Input, report: Report) -> Record:
        if entry.error:
            return failed(entry.label, self._task, entry.error)
        folder = self._folder(entry)
        names = expected_names(self._task, entry.name, lambda: self._sources(report))
        paths = [folder / name for name in names]
        if self._run.skip_existing and all(path.is_file() for path in paths):
            return existing(entry.label, self._task, paths)
        self._engine(report)
        try:
            with _readable(entry) as path:
                sink = self._sink(folder)
                result = execute(self._task, Source(path, entry.name), sink, report, self._engines)
        except NeuraLibError as error:
            return failed(entry.label, self._task, error)
        except BrokenPipeError:
            raise  # nobody reads our results any more
        except Exception as error:
            return failed(entry.label, self._task, unexpected(error))
        return finished(entry.label, self._task, result)

    def _engine(self, report: Report) -> Engine:
        report(Progress("load"))
        engine = self._engines.get(self._task)
        check_fit(self._task, engine)
        return engine

    def _sources(self, report: Report) -> tuple[str, ...]:
        engine = self._engine(report)
        assert isinstance(engine, Separator)
        return engine.sources

    def _folder(self, entry: Input) -> Path:
        folder = Path(self._run.output or ".")
        return folder / entry.name if isinstance(self._task, SeparateTask) else folder

    def _sink(self, folder: Path) -> Sink:
        if self._run.output == "-":
            return StreamSink(sys.stdout.buffer)
        return FolderSink(folder)

    def _show(self, record: Record) -> None:
        if self._run.json:
            put_json(record.to_json())
        elif self._run.output != "-":
            for output in record.outputs:
                put(output["path"])
        if record.error:
            message = record.error["message"]
            told = record.input == "-" or record.input in message
            complain(message if told else f"{record.input}: {message}")


@contextmanager
def _readable(entry: Input) -> Iterator[Path]:
    """Give the input as a file that can be read twice."""
    if entry.label != "-":
        yield entry.path
        return
    path = spool_standard_input()
    try:
        yield path
    except InputError as error:
        raise type(error)(error.message.replace(repr(str(path)), "standard input")) from None
    finally:
        path.unlink(missing_ok=True)


def _choose_output(
    run: Run, task: SeparateTask | MidiTask | TranscribeTask, inputs: list[Input]
) -> str:
    """Give the folder for the results, or `-`, and make sure that it can be written to."""
    output = run.output
    if output == "":
        raise UsageError("-o: got ''; name a folder, or - for standard output, or leave it out")
    if output is None:
        piped = [entry.label for entry in inputs] == ["-"]
        output = "-" if piped and _writes_one(task) and not run.json else "."
    if output == "-":
        _check_stream(run, task, inputs)
    else:
        _check_folder(Path(output))
    return output


def _writes_one(task: SeparateTask | MidiTask | TranscribeTask) -> bool:
    if isinstance(task, SeparateTask):
        return task.stems is not None and len(task.stems) == 1
    return len(task.formats) == 1


def _check_stream(
    run: Run, task: SeparateTask | MidiTask | TranscribeTask, inputs: list[Input]
) -> None:
    if run.json:
        raise UsageError("-o - and --json both want standard output; give one of them")
    if run.skip_existing:
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


def _check_folder(folder: Path) -> None:
    """Make sure that the folder, or where it will be made, can be written to."""
    place = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    try:
        with tempfile.TemporaryFile(dir=place):
            pass
    except OSError as error:
        raise cannot_write(folder, error) from None
