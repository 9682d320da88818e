"""`neuralib samples add|list|show|get|rm`."""

from __future__ import annotations

from typing import Annotated

import typer

from neuralib.cli import options
from neuralib.cli.console import command, listen, put, put_json, put_table
from neuralib.cli.help import PlainCommand
from neuralib.cli.reach import check_count, cluster_of, for_each

app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Look after the recordings on a cluster."
)

Ids = Annotated[list[str], typer.Argument(metavar="ID", hidden=True, show_default=False)]
JsonSample = Annotated[bool, typer.Option("--json", help="Print one JSON record a sample.")]


@app.command(cls=PlainCommand)
@command
def add(
    inputs: options.Inputs,
    json: JsonSample = False,
    quiet: options.Quiet = False,
    server: options.Server = None,
) -> int:
    """Upload recordings, and print their ids; the same bytes have one id.

    INPUT is an audio file, a folder to search for audio, or - for standard input.
    """
    from neuralib.cli.batch.inputs import find_inputs
    from neuralib.cli.cluster.upload import add_samples

    listen(quiet=quiet)
    entries = find_inputs(inputs)
    with cluster_of(server) as cluster:
        return add_samples(cluster, entries, json=json, bars=not quiet)


@app.command("list", cls=PlainCommand)
@command
def list_samples(
    query: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Only those with this in their name.")
    ] = None,
    limit: Annotated[int, typer.Option(metavar="N", help="Show the newest N.")] = 50,
    json: JsonSample = False,
    server: options.Server = None,
) -> int:
    """Show samples, the newest first."""
    from neuralib.cli.cluster.listing import newest, sample_table

    check_count("--limit", limit)
    with cluster_of(server) as cluster:
        samples = newest(
            lambda cursor, count: cluster.samples(query=query, cursor=cursor, limit=count), limit
        )
        if json:
            for sample in samples:
                put_json(sample.model_dump(mode="json"))
        else:
            put_table(sample_table(samples), nothing="no such sample" if query else "no samples")
    return 0


@app.command(cls=PlainCommand)
@command
def show(ids: Ids, json: JsonSample = False, server: options.Server = None) -> int:
    """Show all that is known of samples.

    ID is one that `neuralib samples list` shows.
    """
    from neuralib.cli.cluster.listing import sample_details

    with cluster_of(server) as cluster:

        def tell(sample_id: str) -> None:
            sample = cluster.sample(sample_id)
            if json:
                put_json(sample.model_dump(mode="json"))
            else:
                put_table(sample_details(sample))

        return for_each(ids, tell)


@app.command(cls=PlainCommand)
@command
def get(
    ids: Ids,
    output: options.Fetched = None,
    quiet: options.Quiet = False,
    server: options.Server = None,
) -> int:
    """Fetch the bytes of samples, under their names.

    ID is one that `neuralib samples list` shows.
    """
    from neuralib.cli.cluster.upload import get_samples

    listen(quiet=quiet)
    with cluster_of(server) as cluster:
        return get_samples(cluster, ids, output, bars=not quiet)


@app.command(cls=PlainCommand)
@command
def rm(ids: Ids, server: options.Server = None) -> int:
    """Remove samples, with their jobs and results.

    ID is one that `neuralib samples list` shows. A sample whose job is queued or running stays.
    """
    with cluster_of(server) as cluster:

        def remove(sample_id: str) -> None:
            cluster.remove_sample(sample_id)
            put(sample_id)

        return for_each(ids, remove)
