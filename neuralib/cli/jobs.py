"""`neuralib jobs list|show|watch|cancel|retry|get`."""

from __future__ import annotations

from typing import Annotated

import typer

from neuralib.cli import options
from neuralib.cli.console import command, listen, put, put_json, put_table
from neuralib.cli.help import PlainCommand
from neuralib.cli.reach import check_choice, check_count, cluster_of, for_each

app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Look after the jobs of a cluster."
)

Ids = Annotated[list[str], typer.Argument(metavar="ID", hidden=True, show_default=False)]


@app.command("list", cls=PlainCommand)
@command
def list_jobs(
    state: Annotated[
        str | None,
        typer.Option(
            metavar="queued|running|done|failed|cancelled", help="Only jobs in this state."
        ),
    ] = None,
    task: Annotated[
        str | None, typer.Option(metavar="separate|midi|transcribe", help="Only of this task.")
    ] = None,
    limit: Annotated[int, typer.Option(metavar="N", help="Show the newest N.")] = 50,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON record a job.")] = False,
    server: options.Server = None,
) -> int:
    """Show jobs, the newest first."""
    from neuralib.cli.cluster.listing import job_table, newest
    from neuralib.queue.base import TASK_KINDS

    check_choice("--state", state, ("queued", "running", "done", "failed", "cancelled"))
    check_choice("--task", task, TASK_KINDS)
    check_count("--limit", limit)
    with cluster_of(server) as cluster:
        jobs = newest(
            lambda cursor, count: cluster.jobs(state=state, task=task, cursor=cursor, limit=count),
            limit,
        )
        if json:
            for job in jobs:
                put_json(job.model_dump(mode="json"))
        else:
            nothing = "no such job" if state or task else "no jobs"
            put_table(job_table(cluster, jobs), nothing=nothing)
    return 0


@app.command(cls=PlainCommand)
@command
def show(
    ids: Ids,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON record a job.")] = False,
    server: options.Server = None,
) -> int:
    """Show all that is known of jobs.

    ID is one that `neuralib jobs list` shows.
    """
    from neuralib.cli.cluster.listing import job_details

    with cluster_of(server) as cluster:

        def tell(job_id: str) -> None:
            job = cluster.job(job_id)
            if json:
                put_json(job.model_dump(mode="json"))
            else:
                put_table(job_details(job, cluster.sample(job.sample_id)))

        return for_each(ids, tell)


@app.command(cls=PlainCommand)
@command
def watch(
    job_id: Annotated[
        str | None, typer.Argument(metavar="ID", hidden=True, show_default=False)
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON record an event.")] = False,
    quiet: options.Quiet = False,
    server: options.Server = None,
) -> int:
    """Follow a job to its end, or all jobs until Ctrl-C.

    ID is one that `neuralib jobs list` shows; without one, all jobs are followed. Each change of
    a state is a line; the exit status is 1 where the one job fails or is cancelled.
    """
    from neuralib.cli.cluster.follow import follow

    listen(quiet=quiet)
    with cluster_of(server) as cluster:
        return follow(cluster, job_id, json=json, quiet=quiet)


@app.command(cls=PlainCommand)
@command
def cancel(ids: Ids, server: options.Server = None) -> int:
    """Stop jobs that run, and do not start those that wait.

    ID is one that `neuralib jobs list` shows.
    """
    with cluster_of(server) as cluster:
        return for_each(ids, lambda job_id: put(cluster.cancel(job_id).id))


@app.command(cls=PlainCommand)
@command
def retry(ids: Ids, server: options.Server = None) -> int:
    """Queue jobs again that failed or were cancelled.

    ID is one that `neuralib jobs list` shows.
    """
    with cluster_of(server) as cluster:
        return for_each(ids, lambda job_id: put(cluster.retry(job_id).id))


@app.command(cls=PlainCommand)
@command
def get(
    ids: Ids,
    output: options.Fetched = None,
    json: Annotated[
        bool, typer.Option("--json", help="Print one JSON record a job, instead of the paths.")
    ] = False,
    quiet: options.Quiet = False,
    server: options.Server = None,
) -> int:
    """Fetch the results of jobs that are done.

    They are named after the jobs' samples, as a run on this machine names them.

    ID is one that `neuralib jobs list` shows, or that --detach printed.

    Example: neuralib jobs get job_0195f3a1c2d7a1b2c3d4e5f6a7b8c9d0 -o stems
    """
    from neuralib.cli.cluster.collect import collect

    listen(quiet=quiet)
    with cluster_of(server) as cluster:
        return collect(cluster, ids, output, json=json, quiet=quiet)
