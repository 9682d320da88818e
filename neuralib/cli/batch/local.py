"""Run one task on many inputs on this machine: one bad input never stops the rest."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import closing
from pathlib import Path

from neuralib.cli.batch.crew import Crew
from neuralib.cli.batch.here import Here
from neuralib.cli.batch.inputs import Input
from neuralib.cli.batch.output import show_record
from neuralib.cli.batch.overview import Overview, overview
from neuralib.cli.batch.record import Record
from neuralib.cli.batch.run import Run
from neuralib.cli.batch.tally import Tally
from neuralib.cli.console import note
from neuralib.cli.display import progress_bar
from neuralib.engines.device import cores
from neuralib.execute.sink import FolderSink
from neuralib.tasks import MidiTask, SeparateTask, TranscribeTask

_MOST_JOBS = 8
"""Without `--jobs`: long songs have room for so many beside each other."""


def usual_jobs(task: SeparateTask | MidiTask | TranscribeTask) -> int:
    """Say how many inputs are best under way at once here (`python -m benchmarks.batch --jobs`).

    Windows of many inputs of `midi` compute side by side, and one input more is read or written
    meanwhile. The other models take all the cores for one input: there are two, so that the
    next is read and the last one written beside it.
    """
    return min(cores(), _MOST_JOBS) + 1 if isinstance(task, MidiTask) else 2


class Batch:
    """The inputs of one command, in order.

    Args:
        here: runs one.
        inputs: all of them.
        run: how.
        jobs: inputs that are under way at once.
    """

    def __init__(self, here: Here, inputs: Sequence[Input], run: Run, jobs: int) -> None:
        self._here = here
        self._inputs = inputs
        self._run = run
        # A thread that waits for standard input could not be interrupted.
        self._jobs = 1 if any(entry.label == "-" for entry in inputs) else jobs

    def run(self) -> int:
        """Run everything; give the exit status.

        Raises:
            NeuraLibError: where the model cannot be loaded: nothing was started then.
        """
        if len(self._inputs) == 1:
            return self._run_alone(self._inputs[0])
        tally = Tally()
        with (
            overview(self._inputs, enabled=not self._run.quiet) as bars,
            closing(self._records(bars)) as groups,
        ):
            for records in groups:
                with bars.aside():
                    for record in records:
                        self._show(record)
                        tally.add(record)
        if not self._run.quiet:
            note(tally.summary())
        return tally.exit_status

    def _run_alone(self, entry: Input) -> int:
        with progress_bar(entry.label, enabled=not self._run.quiet) as report:
            record = self._here.run(entry, report)
        self._show(record)
        return 1 if record.status == "failed" else 0

    def _records(self, bars: Overview) -> Generator[list[Record], None, None]:
        """Give what became of the inputs, in their order."""
        if self._jobs == 1:
            for number, entry in enumerate(self._inputs):
                with bars.input(number) as report:
                    record = self._here.run(entry, report)
                yield [record]
            return

        def work(number: int, entry: Input) -> Record:
            with bars.input(number) as report:
                return self._here.run(entry, crew.watched(report))

        # Made once, so that no run takes away the folder that another one writes to.
        with (
            FolderSink(Path(self._run.output or ".")),
            Crew(self._jobs, self._inputs, work) as crew,
        ):
            yield from crew.outcomes()

    def _show(self, record: Record) -> None:
        show_record(record, json=self._run.json, paths=self._run.output != "-")
