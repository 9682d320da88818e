"""One input on its way to a cluster and back."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from neuralib.audio.decode import probe
from neuralib.cli.batch.inputs import Input, told_as_standard_input
from neuralib.cli.batch.naming import Naming
from neuralib.cli.batch.raw import with_header
from neuralib.cli.batch.record import Record, existing, failed, finished
from neuralib.cli.cluster.base import Cluster
from neuralib.cli.cluster.fetch import fetch_result, reason
from neuralib.cli.cluster.lookout import Lookout
from neuralib.cli.cluster.rows import Row
from neuralib.cli.cluster.upload import sample_name
from neuralib.cli.console import unexpected
from neuralib.errors import (
    Cancelled,
    ClusterError,
    Conflict,
    ModelError,
    NeuraLibError,
    NotFound,
    TooLarge,
    UsageError,
)
from neuralib.execute import Result, artifact_kind, expected_names
from neuralib.execute.sink import FolderSink, Sink, StreamSink
from neuralib.jobs.job import Job
from neuralib.models.catalogue import CATALOGUE
from neuralib.tasks import MidiTask, SeparateTask, TranscribeTask


@dataclass(frozen=True)
class Plan:
    """What is done with every input of a batch."""

    task: SeparateTask | MidiTask | TranscribeTask
    output: str
    """Folder for the results, or `-`."""
    naming: Naming
    skip_existing: bool
    force: bool
    detach: bool
    """Submit the job, and leave it alone."""
    swept: set[Path] = field(default_factory=set)
    """Folders without drafts of killed runs."""


@dataclass(frozen=True)
class Submitted:
    """A job that nobody waits for here."""

    input: str
    job: Job


class Airspace:
    """All flights of a batch: which jobs are on the cluster, and who must not be interrupted."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._busy = 0
        self._jobs: dict[str, str] = {}
        self._closed = False

    @contextmanager
    def busy(self) -> Iterator[None]:
        """Last while bytes go there or come back, or a job is made."""
        with self._changed:
            self.check()
            self._busy += 1
        try:
            yield
        finally:
            with self._changed:
                self._busy -= 1
                self._changed.notify_all()

    def check(self) -> None:
        """Go on, unless the batch was stopped.

        Raises:
            Cancelled: where it was.
        """
        if self._closed:
            raise Cancelled("interrupted")

    def close(self, timeout_seconds: float) -> dict[str, str]:
        """Stop what moves, and wait for it; give the input of each job that goes on, by its id."""
        with self._changed:
            self._closed = True
            self._changed.wait_for(lambda: self._busy == 0, timeout_seconds)
            return dict(self._jobs)

    def enter(self, job: Job, label: str) -> None:
        """Count a job that is on the cluster."""
        with self._changed:
            self._jobs[job.id] = label

    def leave(self, job: Job) -> None:
        """Forget a job that has ended."""
        with self._changed:
            self._jobs.pop(job.id, None)


class Flight:
    """Sends one input, waits for its job, and brings the results."""

    def __init__(
        self,
        plan: Plan,
        entry: Input,
        path: Path,
        cluster: Cluster,
        airspace: Airspace,
        lookout: Lookout,
    ) -> None:
        self._plan = plan
        self._entry = entry
        self._path = path
        self._cluster = cluster
        self._airspace = airspace
        self._lookout = lookout
        self._known_as = ""

    def run(self, row: Row) -> Record | Submitted:
        """Do it; what is wrong with this input alone becomes its record.

        Raises:
            NeuraLibError: what stops the whole batch: the cluster refuses, or cannot be reached.
        """
        task, label = self._plan.task, self._entry.label
        try:
            if self._entry.error:
                raise self._entry.error
            if paths := self._existing():
                return existing(label, task, paths)
            job = self._submit(row)
            if self._plan.detach:
                return Submitted(label, job)
            job = self._wait(job, row)
            if job.state != "done":
                return failed(label, task, self._in_our_words(reason(job)))
            return finished(label, task, self._bring(job, row))
        except NeuraLibError as error:
            if _stops_all(error):
                raise
            return failed(label, task, error)
        except BrokenPipeError:
            raise  # nobody reads our results any more
        except Exception as error:
            return failed(label, task, unexpected(error))
        finally:
            row.end()

    def _existing(self) -> dict[str, Path]:
        if not self._plan.skip_existing:
            return {}
        paths = self._plan.naming.paths(self._entry, self._names())
        return paths if all(map(os.path.isfile, paths.values())) else {}

    def _names(self) -> tuple[str, ...]:
        """Name the results as far as they are known: not the stems of an unknown model."""
        return expected_names(self._plan.task, self._entry.name, self._sources)

    def _sources(self) -> tuple[str, ...]:
        task = self._plan.task
        assert isinstance(task, SeparateTask)
        if task.model in CATALOGUE:
            return CATALOGUE[task.model].sources
        if wanted := task.stems or ((task.two_stems,) if task.two_stems else ()):
            return wanted
        for job in self._cluster.jobs(state="done", task=task.kind).items:
            stems = [artifact.name.rpartition(".")[0] for artifact in job.artifacts]
            if job.task.model == task.model and _is_whole(job.task):
                return tuple(stems)
        return ()

    def _submit(self, row: Row) -> Job:
        """Send the input and make the job; nothing is sent that could not be used."""
        with (
            told_as_standard_input(self._entry, self._path),
            with_header(self._entry, self._path) as path,
        ):
            probe(path, stream=self._plan.task.stream)
            if not self._plan.detach and self._plan.output != "-":
                self._sink().rehearse(artifact_kind(self._plan.task), self._names())
            with self._airspace.busy():
                total = path.stat().st_size or 1

                def report(done_bytes: int) -> None:
                    self._airspace.check()
                    row.moved("sending", done_bytes / total)

                row.moved("sending", 0.0)
                sample = self._cluster.add_sample(path, sample_name(self._entry), report)
                self._known_as = sample.name
                row.show("queued")
                job = self._cluster.submit(self._plan.task, sample.id, force=self._plan.force)
                if not job.ended and not self._plan.detach:
                    self._airspace.enter(job, self._entry.label)
                return job

    def _wait(self, job: Job, row: Row) -> Job:
        if job.ended:
            return job
        for event in self._cluster.watch(job.id):
            self._lookout.event(event)
            row.event(event)
        self._airspace.leave(job)
        return self._cluster.job(job.id)

    def _bring(self, job: Job, row: Row) -> Result:
        def report(fraction: float) -> None:
            self._airspace.check()
            row.moved("fetching", fraction)

        with self._airspace.busy():
            return fetch_result(self._cluster, job, self._entry.name, self._sink(), report)

    def _in_our_words(self, error: NeuraLibError) -> NeuraLibError:
        """Name the input as a local run does; the cluster has the name of its first upload."""
        here = "standard input" if self._entry.label == "-" else repr(str(self._path))
        return type(error)(error.message.replace(repr(self._known_as), here))

    def _sink(self) -> Sink:
        if self._plan.output == "-":
            return StreamSink(sys.stdout.buffer)
        plan = self._plan
        sink = FolderSink(Path(plan.output), plan.naming.place(self._entry), plan.swept)
        sink.spared = self._path
        return sink


def _is_whole(task: SeparateTask | MidiTask | TranscribeTask) -> bool:
    if not isinstance(task, SeparateTask) or task.residual:
        return False
    return task.stems is None and task.two_stems is None


def _stops_all(error: NeuraLibError) -> bool:
    """Tell what would meet every input alike."""
    if isinstance(error, (TooLarge, NotFound, Conflict)):
        return False
    return isinstance(error, (ClusterError, UsageError, ModelError, Cancelled))
