"""One input of a batch, run on this machine."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from neuralib.cli.batch.inputs import Input, readable
from neuralib.cli.batch.naming import Naming
from neuralib.cli.batch.raw import with_header
from neuralib.cli.batch.record import Record, existing, failed, finished
from neuralib.cli.batch.run import Run
from neuralib.cli.console import unexpected
from neuralib.engines.base import Engine, Separator
from neuralib.engines.pool import Engines
from neuralib.errors import NeuraLibError, OutputError
from neuralib.execute import Source, artifact_kind, check_fit, execute, expected_names
from neuralib.execute.sink import FolderSink, Sink, StreamSink
from neuralib.models.catalogue import CATALOGUE
from neuralib.progress import Progress, Report
from neuralib.tasks import MidiTask, SeparateTask, TranscribeTask


class Here:
    """Runs the inputs of a batch, several at a time where several threads call it."""

    def __init__(
        self,
        task: SeparateTask | MidiTask | TranscribeTask,
        run: Run,
        engines: Engines,
        naming: Naming,
    ) -> None:
        self._task = task
        self._run = run
        self._engines = engines
        self._naming = naming
        self._loading = threading.Lock()
        self._swept: set[Path] = set()

    def run(self, entry: Input, report: Report) -> Record:
        """Run one input; what is wrong with it alone becomes its record.

        Raises:
            NeuraLibError: where the model cannot be loaded.
        """
        if entry.error:
            return failed(entry.label, self._task, entry.error)
        names = expected_names(self._task, entry.name, lambda: self._sources(report))
        if self._run.skip_existing and (paths := self._existing(entry, names)):
            return existing(entry.label, self._task, paths)
        self._engine(report)
        try:
            with readable(entry) as bytes_at, with_header(entry, bytes_at) as path:
                sink = self._sink(entry)
                if self._run.name_template is not None:
                    sink.spared = path
                    sink.rehearse(artifact_kind(self._task), names)
                result = execute(self._task, Source(path, entry.name), sink, report, self._engines)
        except NeuraLibError as error:
            return failed(entry.label, self._task, error)
        except BrokenPipeError:
            raise  # nobody reads our results any more
        except Exception as error:
            return failed(entry.label, self._task, unexpected(error))
        return finished(entry.label, self._task, result)

    def _existing(self, entry: Input, names: Sequence[str]) -> dict[str, Path]:
        try:
            paths = self._naming.paths(entry, names)
        except OutputError:  # told by the run
            return {}
        return paths if all(map(os.path.isfile, paths.values())) else {}

    def _engine(self, report: Report) -> Engine:
        report(Progress("load"))
        with self._loading:
            engine = self._engines.get(self._task)
            check_fit(self._task, engine)
            return engine

    def _sources(self, report: Report) -> tuple[str, ...]:
        """Name the stems of the model, which is loaded for that only where nothing else tells."""
        task = self._task
        assert isinstance(task, SeparateTask)
        if task.model in CATALOGUE:
            return CATALOGUE[task.model].sources
        if wanted := task.stems or ((task.two_stems,) if task.two_stems else ()):
            return wanted
        engine = self._engine(report)
        assert isinstance(engine, Separator)
        return engine.sources

    def _sink(self, entry: Input) -> Sink:
        if self._run.output == "-":
            return StreamSink(sys.stdout.buffer)
        return FolderSink(Path(self._run.output or "."), self._naming.place(entry), self._swept)
