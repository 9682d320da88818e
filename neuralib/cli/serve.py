"""`neuralib serve`."""

from __future__ import annotations

from typing import Annotated

import typer

from neuralib.cli import options
from neuralib.cli.console import command, keep_log
from neuralib.cli.reach import check_count, check_range


@command
def serve(
    host: Annotated[
        str,
        typer.Option(
            metavar="ADDRESS",
            help="Address to listen at; one that other machines can reach needs a key first.",
        ),
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(metavar="N", help="Port to listen at; 0 takes a free one.")
    ] = 7470,
    workers: Annotated[
        int,
        typer.Option(
            metavar="N",
            help="Jobs that run at a time, where no Redis is set; short recordings of `midi` run "
            "beside each other.",
        ),
    ] = 1,
    no_worker: Annotated[bool, typer.Option("--no-worker", help="Run no jobs here.")] = False,
    device: options.Device = None,
    quiet: options.Terse = False,
    verbose: options.Chatty = False,
) -> int:
    """Serve the HTTP API of a cluster until Ctrl-C.

    Its address is printed when requests are taken.

    Without settings everything is inside this process and the data folder: database, storage,
    queue, and a worker that runs the jobs. Where NEURALIB_REDIS_URL is set, `neuralib worker`
    runs them.

    Example: neuralib serve --port 8000
    """
    from neuralib.cli.cluster.gateway import run_gateway
    from neuralib.settings import load_settings

    check_range("--port", port, 0, 65535)
    check_count("--workers", workers)
    keep_log(quiet=quiet, verbose=verbose)
    run_gateway(load_settings(device=device), host, port, 0 if no_worker else workers)
    return 0
