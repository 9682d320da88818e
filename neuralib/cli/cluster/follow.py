"""Following jobs on a terminal, or for a program."""

from __future__ import annotations

from collections.abc import Iterable

from neuralib.cli.cluster.base import Cluster
from neuralib.cli.cluster.fetch import reason
from neuralib.cli.cluster.lookout import Lookout
from neuralib.cli.cluster.rows import Row, Rows, progress_rows
from neuralib.cli.console import complain, put, put_json
from neuralib.events.event import Event


def follow(cluster: Cluster, job_id: str | None, *, json: bool, quiet: bool) -> int:
    """Print what happens to a job until its end, or to all jobs until Ctrl-C.

    Args:
        cluster: that has them.
        job_id: of the job; None: all jobs.
        json: print every event, not only changes of a state.
        quiet: draw no bars, and give no hints.

    Returns:
        The exit status: 1 where the job did not become `done`.
    """
    events = cluster.watch_all() if job_id is None else cluster.watch(job_id)
    lookout, bars = Lookout(cluster), not (json or quiet)
    try:
        with progress_rows(enabled=bars) as rows, lookout.running(enabled=not quiet):
            _tell(events, rows, lookout, json=json)
    except KeyboardInterrupt:
        complain("interrupted; what was followed goes on")
        return 130
    if job_id is None:
        return 0
    job = cluster.job(job_id)
    if job.state == "done":
        return 0
    complain(reason(job).message)
    return 1


def _tell(events: Iterable[Event], rows: Rows, lookout: Lookout, *, json: bool) -> None:
    told: dict[str, str] = {}
    drawn: dict[str, Row] = {}
    for event in events:
        lookout.event(event)
        if json:
            put_json(event.model_dump(mode="json"))
        elif told.get(event.job_id) != event.state:
            with rows.aside():
                put(_line(event))
        told[event.job_id] = event.state
        if event.state == "running":
            row = drawn.setdefault(event.job_id, rows.row(f"{event.task} {event.job_id}"))
            row.event(event)
        elif event.job_id in drawn:  # a run that ended, or was lost
            drawn.pop(event.job_id).end()
        if event.final:
            told.pop(event.job_id)


def _line(event: Event) -> str:
    return f"{event.job_id} {event.task} {event.state}"
