"""Run one task on many inputs on a cluster: several at a time, told in the inputs' order."""

from __future__ import annotations

import contextlib
import queue
import sys
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path

from neuralib.cli.batch.inputs import Input, readable
from neuralib.cli.batch.output import show_record
from neuralib.cli.batch.record import Record
from neuralib.cli.batch.tally import Tally
from neuralib.cli.cluster.base import Cluster
from neuralib.cli.cluster.flight import Airspace, Flight, Plan, Submitted
from neuralib.cli.cluster.lookout import Lookout
from neuralib.cli.cluster.open import open_cluster
from neuralib.cli.cluster.rows import Rows, progress_rows
from neuralib.cli.console import confirm, note, put, put_json
from neuralib.errors import Conflict, NotFound
from neuralib.execute.sink import FolderSink
from neuralib.service.request import check_task
from neuralib.settings import Settings

_IN_FLIGHT = 16
"""Inputs on their way at once: enough for a cluster of so many workers, few enough to show."""
_SETTLE_SECONDS = 5.0


def submit_batch(
    plan: Plan, inputs: list[Input], settings: Settings, *, json: bool, quiet: bool
) -> int:
    """Run every input on the cluster of the settings, print results; give the exit status.

    Raises:
        NeuraLibError: where the cluster cannot be reached, or refuses: what was finished by then
            is printed and kept.
    """
    check_task(plan.task)
    with closing(open_cluster(settings)) as cluster, ExitStack() as stack:
        cluster.check()
        if not plan.detach and plan.output != "-":
            # Made once, so that no flight takes away the folder that another one writes to.
            stack.enter_context(FolderSink(Path(plan.output)))
        paths = [stack.enter_context(readable(entry)) for entry in inputs]
        lookout = Lookout(cluster)
        with progress_rows(enabled=not quiet) as rows, lookout.running(enabled=not quiet):
            batch = _Batch(plan, inputs, paths, cluster, rows, lookout)
            tally = _tell(batch, plan, json=json)
    if len(inputs) > 1 and not quiet:
        note(tally.summary())
    return tally.exit_status


def _tell(batch: _Batch, plan: Plan, *, json: bool) -> Tally:
    """Print what becomes of each input, as soon as those before it are told."""
    tally = Tally()
    try:
        for outcome in batch.outcomes():
            with batch.aside():
                if isinstance(outcome, Submitted):
                    tally.add_submitted()
                    _show_job(outcome, json=json)
                else:
                    tally.add(outcome)
                    show_record(outcome, json=json, paths=plan.output != "-")
    except BaseException as error:
        batch.stop(error)
        raise
    return tally


@dataclass
class _Slot:
    """Where the outcome of an input appears."""

    ready: threading.Event = field(default_factory=threading.Event)
    outcome: Record | Submitted | BaseException | None = None


class _Batch:
    """Flights in a few threads."""

    def __init__(
        self,
        plan: Plan,
        inputs: list[Input],
        paths: list[Path],
        cluster: Cluster,
        rows: Rows,
        lookout: Lookout,
    ) -> None:
        self._cluster = cluster
        self._rows = rows
        self._airspace = Airspace()
        self._slots = [_Slot() for _ in inputs]
        self._labels = [entry.label for entry in inputs]
        self._waiting: queue.SimpleQueue[tuple[_Slot, Flight, str]] = queue.SimpleQueue()
        for number, (entry, path, slot) in enumerate(
            zip(inputs, paths, self._slots, strict=True), start=1
        ):
            flight = Flight(plan, entry, path, cluster, self._airspace, lookout)
            label = f"{number}/{len(inputs)} {entry.label}" if len(inputs) > 1 else entry.label
            self._waiting.put((slot, flight, label))

    def outcomes(self) -> Iterator[Record | Submitted]:
        """Run everything; give what became of each input, in order.

        Raises:
            NeuraLibError: what stopped the batch.
        """
        for _ in range(min(_IN_FLIGHT, len(self._slots))):
            # A thread that waits for a server must not keep an interrupted command alive.
            threading.Thread(target=self._fly, daemon=True).start()
        for slot in self._slots:
            slot.ready.wait()
            if isinstance(slot.outcome, BaseException):
                raise slot.outcome
            assert slot.outcome is not None
            yield slot.outcome

    def aside(self) -> AbstractContextManager[None]:
        """Take the bars off the terminal while a result is printed on it."""
        return self._rows.aside()

    def stop(self, error: BaseException) -> None:
        """End what moves; cancel the jobs where the user wants that, or tell how to find them."""
        jobs = self._airspace.close(_SETTLE_SECONDS)
        self._rows.end()
        if not jobs:
            return
        interrupted = not isinstance(error, Exception)
        if interrupted and _wants_to_cancel(len(jobs)):
            for job_id in jobs:
                with contextlib.suppress(NotFound, Conflict):  # it has just ended
                    self._cluster.cancel(job_id)
            note(f"cancelled {', '.join(jobs)}")
        else:
            for job_id, label in sorted(jobs.items(), key=lambda job: self._labels.index(job[1])):
                note(f"{label}: goes on as {job_id}")
            note("`neuralib jobs get ID...` fetches their results later")

    def _fly(self) -> None:
        with contextlib.suppress(queue.Empty):
            while True:
                slot, flight, label = self._waiting.get_nowait()
                try:
                    self._airspace.check()
                    slot.outcome = flight.run(self._rows.row(label))
                except BaseException as error:
                    slot.outcome = error
                slot.ready.set()


def _wants_to_cancel(count: int) -> bool:
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return True
    what = "the job" if count == 1 else f"the {count} jobs"
    try:
        return confirm(f"Cancel {what} on the cluster?")
    except KeyboardInterrupt:  # out of here, whatever becomes of them
        note("")
        return False


def _show_job(submitted: Submitted, *, json: bool) -> None:
    job = submitted.job
    if json:
        put_json(
            {
                "input": submitted.input,
                "task": job.task.kind,
                "status": "submitted",
                "job_id": job.id,
                "sample_id": job.sample_id,
                "state": job.state,
            }
        )
    else:
        put(job.id)
