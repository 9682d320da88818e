"""Tables of jobs, samples and keys."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timezone
from typing import TYPE_CHECKING, TypeVar

from neuralib.cli.bars import clock
from neuralib.cli.console import printable
from neuralib.errors import NotFound
from neuralib.jobs.api_key import ApiKey
from neuralib.jobs.job import Job
from neuralib.jobs.page import Page
from neuralib.jobs.sample import Sample

if TYPE_CHECKING:
    from rich.table import Table

    from neuralib.cli.cluster.base import Cluster

Item = TypeVar("Item")

PAGE = 100
"""Items asked for at once."""
_COLOURS = {"running": "cyan", "done": "green", "failed": "red", "cancelled": "yellow"}


def newest(ask: Callable[[str | None, int], Page[Item]], limit: int) -> Iterator[Item]:
    """Give the newest `limit` items of a list, page by page.

    Args:
        ask: gets the page at a cursor, of so many items.
        limit: how many to give at most.
    """
    cursor = None
    while limit > 0:
        page = ask(cursor, min(limit, PAGE))
        yield from page.items[:limit]
        limit -= len(page.items)
        cursor = page.cursor
        if cursor is None:
            return


def job_table(cluster: Cluster, jobs: Iterable[Job]) -> Table:
    """Show jobs, a line each, with the names of their samples."""
    from rich.markup import escape

    name_of = _Names(cluster)
    table = _list("id", "state", "task", "age", "sample")
    for job in jobs:
        name = escape(printable(name_of(job.sample_id)))
        part = f" {job.progress:.0%}" if job.state == "running" else ""
        table.add_row(job.id, _state(job, part), job.task.kind, age(job.created_at), name)
    return table


def job_details(job: Job, sample: Sample) -> Table:
    """Show all that is known of a job."""
    from rich.markup import escape
    from rich.table import Table

    table = Table(show_header=False, title=job.id)
    table.add_column()
    table.add_column(overflow="fold")
    facts = {
        "state": _state(job),
        "progress": f"{job.progress:.0%}",
        "attempt": str(job.attempt),
        "task": job.task.kind,
        "sample": f"{escape(printable(sample.name))} ({sample.id})",
        "model": escape(job.task.model),
        "options": escape(_options(job)),
        "created": _time(job.created_at),
        "started": _time(job.started_at),
        "finished": _time(job.finished_at),
    }
    if job.result is not None:
        ran = f"{clock(job.result.seconds)} on {job.result.device}, {job.result.precision}"
        facts["ran"] = ran if job.attempt else f"{ran}, as an earlier job: its result was taken"
    if job.error is not None:
        facts["error"] = f"[red]{escape(printable(job.error.message))} ({job.error.code})"
    for name, fact in facts.items():
        table.add_row(name, fact)
    for artifact in job.artifacts:
        table.add_row("artifact", f"{escape(artifact.name)}, {size(artifact.bytes)}")
    return table


def sample_table(samples: Iterable[Sample]) -> Table:
    """Show samples, a line each."""
    from rich.markup import escape

    table = _list("id", "length", "size", "age", "name")
    for sample in samples:
        length = "" if sample.audio_seconds is None else clock(sample.audio_seconds)
        name = escape(printable(sample.name))
        table.add_row(sample.id, length, size(sample.bytes), age(sample.created_at), name)
    return table


def sample_details(sample: Sample) -> Table:
    """Show all that is known of a sample."""
    from rich.markup import escape
    from rich.table import Table

    table = Table(show_header=False, title=sample.id)
    table.add_column()
    table.add_column(overflow="fold")
    seconds = sample.audio_seconds
    for name, fact in {
        "name": escape(printable(sample.name)),
        "length": "" if seconds is None else f"{clock(seconds)} ({seconds:.3f} s)",
        "rate": f"{sample.sample_rate} Hz",
        "channels": str(sample.channels),
        "size": f"{size(sample.bytes)} ({sample.bytes:,} bytes)",
        "sha256": sample.sha256,
        "created": _time(sample.created_at),
    }.items():
        table.add_row(name, fact)
    return table


def key_table(keys: Iterable[ApiKey]) -> Table:
    """Show keys, a line each."""
    from rich.markup import escape

    table = _list("id", "created", "tenant", "name")
    for key in keys:
        table.add_row(key.id, _time(key.created_at), key.tenant, escape(printable(key.name)))
    return table


def _list(*headings: str) -> Table:
    """Make a table without frames: at 80 columns an id stays whole, and can be copied."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for heading in headings[:-1]:
        table.add_column(heading, no_wrap=True)
    table.add_column(headings[-1], overflow="fold")
    return table


def age(since: datetime) -> str:
    """Say how long ago something was, in its largest unit: `5 s`, `3 min`, `2 h`, `4 d`."""
    seconds = max(0.0, (datetime.now(timezone.utc) - since).total_seconds())
    for unit, unit_seconds in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= unit_seconds:
            return f"{seconds // unit_seconds:.0f} {unit}"
    return f"{seconds:.0f} s"


def size(bytes: int) -> str:
    """Write a number of bytes: `812 B`, `3.4 kB`, `1.2 GB`."""
    if bytes < 1000:
        return f"{bytes} B"
    number = float(bytes)
    for unit in ("kB", "MB", "GB"):
        number /= 1000
        if number < 999.95:
            return f"{number:.1f} {unit}"
    return f"{number / 1000:.1f} TB"


class _Names:
    """Names of samples, asked for once; a page at first, since most are among the newest."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._known: dict[str, str] | None = None

    def __call__(self, sample_id: str) -> str:
        if self._known is None:
            page = self._cluster.samples(limit=PAGE)
            self._known = {sample.id: sample.name for sample in page.items}
        if sample_id not in self._known:
            try:
                self._known[sample_id] = self._cluster.sample(sample_id).name
            except NotFound:
                self._known[sample_id] = ""
        return self._known[sample_id]


def _state(job: Job, more: str = "") -> str:
    colour = _COLOURS.get(job.state)
    return f"[{colour}]{job.state}{more}" if colour else job.state


def _options(job: Job) -> str:
    left_out = {"kind", "model", "version"}
    values = job.task.model_dump(exclude=left_out, exclude_defaults=True, mode="json")
    return ", ".join(f"{name}={value}" for name, value in values.items()) or "defaults"


def _time(moment: datetime | None) -> str:
    return "" if moment is None else moment.astimezone().strftime("%Y-%m-%d %H:%M:%S")
