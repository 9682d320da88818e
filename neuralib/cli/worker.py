"""`neuralib worker`."""

from __future__ import annotations

from typing import Annotated

import typer

from neuralib.cli import options
from neuralib.cli.console import command, keep_log
from neuralib.cli.reach import check_choice, check_count, check_range


@command
def worker(
    queues: Annotated[
        str,
        typer.Option(metavar="A,B", help="Tasks to take, of separate, midi and transcribe."),
    ] = "separate,midi,transcribe",
    device: options.Device = None,
    max_jobs: Annotated[
        int | None, typer.Option(metavar="N", help="End after N jobs (default: never)")
    ] = None,
    grace: Annotated[
        float,
        typer.Option(
            metavar="SECONDS",
            help="How long a job may go on after SIGTERM before it is handed back.",
        ),
    ] = 30,
    together: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="Short recordings of `midi` that run at once (default: one for each core, 8 at "
            "most).",
        ),
    ] = None,
    idle_release: Annotated[
        float | None,
        typer.Option(
            metavar="SECONDS",
            help="Let go of models and of the GPU's memory after so long without a job "
            "(default: 600, or the settings').",
        ),
    ] = None,
    quiet: options.Terse = False,
    verbose: options.Chatty = False,
) -> int:
    """Run jobs of a cluster, until SIGTERM or Ctrl-C.

    Jobs come from NEURALIB_REDIS_URL, NEURALIB_DATABASE_URL and NEURALIB_STORAGE_URL; a service
    that is away is waited for. One worker runs one job at a time, but for short recordings of
    `midi`; start one for each GPU.

    Example: neuralib worker --queues separate --device cuda:0
    """
    from neuralib.engines.device import check_name, cores
    from neuralib.errors import UsageError
    from neuralib.queue.base import TASK_KINDS
    from neuralib.settings import load_settings
    from neuralib.workers.main import run_worker
    from neuralib.workers.messages import MOST_BESIDE
    from neuralib.workers.team import MOST_TOGETHER

    wanted = options.split(queues) or ()
    for name in wanted:
        check_choice("--queues", name, TASK_KINDS)
    if not wanted:
        raise UsageError(f"--queues: got {queues!r}; name one or more of {', '.join(TASK_KINDS)}")
    if max_jobs is not None:
        check_count("--max-jobs", max_jobs)
    if together is not None:
        check_range("--together", together, 1, MOST_BESIDE)
    if not grace >= 0:
        raise UsageError(f"--grace: got {grace:g}; it must be 0 seconds or more")
    keep_log(quiet=quiet, verbose=verbose)
    settings = load_settings(device=device, idle_release_seconds=idle_release)
    check_name(settings.device)
    kinds = [kind for kind in TASK_KINDS if kind in wanted]
    return run_worker(
        settings,
        kinds,
        max_jobs=max_jobs,
        grace_seconds=grace,
        together=together or min(cores(), MOST_TOGETHER),
    )
