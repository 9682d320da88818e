"""From the options of a task to a batch, here or on a cluster."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neuralib.cli.batch.inputs import Input, find_inputs
from neuralib.cli.batch.output import choose_output
from neuralib.cli.batch.template import Template, read_template
from neuralib.cli.console import listen
from neuralib.errors import UsageError
from neuralib.settings import Settings, load_settings
from neuralib.tasks import MidiTask, SeparateTask, TranscribeTask, build_task

if TYPE_CHECKING:
    from neuralib.cli.batch.naming import Naming


@dataclass(frozen=True)
class Run:
    """How a batch is run, apart from what is run."""

    output: str | None
    device: str | None
    skip_existing: bool
    json: bool
    quiet: bool
    verbose: bool
    submit: bool = False
    """On a cluster, not here."""
    detach: bool = False
    """Do not wait for it."""
    server: str | None = None
    """Gateway of the cluster; None: what the settings name."""
    force: bool = False
    """Compute what was computed before."""
    name_template: str | None = None
    """Names of the results; None: the usual ones."""
    jobs: int | None = None
    """Inputs that are under way at once; None: as many as are best here."""


def run_batch(
    values: dict[str, Any], words: Sequence[str], run: Run, raw: str | None = None
) -> int:
    """Build the task of `values`, run it on every input, print results; give the exit status.

    `raw` says, as RATE,CHANNELS,FORMAT, what the inputs hold where they have no headers.

    Everything that can be known to fail is told before anything is started: wrong options, a
    missing model or library, an output format or folder that cannot be written, a cluster that
    does not answer.

    Raises:
        NeuraLibError: where nothing was started, or a cluster does not answer any more.
    """
    listen(quiet=run.quiet, verbose=run.verbose)
    task = build_task(values, name=lambda field: OPTIONS.get(field, f"--{field}".replace("_", "-")))
    _check_options(run)
    template = None if run.name_template is None else read_template(run.name_template, task)
    settings = load_settings(device=run.device, server=run.server)
    start = _submitted if run.submit else _here
    return start(task, find_inputs(words, raw), run, settings, template)


OPTIONS = {
    "formats": "--format",
    "minimum_note_ms": "--minimum-note-length",
    "minimum_frequency_hz": "--minimum-frequency",
    "maximum_frequency_hz": "--maximum-frequency",
    "melodia_trick": "--melodia",
    "tempo_bpm": "--tempo",
}
"""Options that are not called like the field of the task that they set."""


def _here(
    task: SeparateTask | MidiTask | TranscribeTask,
    inputs: list[Input],
    run: Run,
    settings: Settings,
    template: Template | None,
) -> int:
    from neuralib.cli.batch.here import Here
    from neuralib.cli.batch.local import Batch, usual_jobs
    from neuralib.engines.device import check_name
    from neuralib.engines.pool import Engines
    from neuralib.execute import check
    from neuralib.models.open import open_store

    check_name(settings.device)
    output = _output(task, inputs, run)
    check(task)
    engines = Engines(open_store(settings), settings.device)
    engines.locate(task)
    naming = _naming(task, inputs, output, template)
    run = replace(run, output=output)
    here = Here(task, run, engines, naming)
    return Batch(here, inputs, run, run.jobs or usual_jobs(task)).run()


def _submitted(
    task: SeparateTask | MidiTask | TranscribeTask,
    inputs: list[Input],
    run: Run,
    settings: Settings,
    template: Template | None,
) -> int:
    from neuralib.cli.cluster.flight import Plan
    from neuralib.cli.cluster.submit import submit_batch

    output = (run.output or ".") if run.detach else _output(task, inputs, run)
    naming = _naming(task, inputs, output, template)
    plan = Plan(task, output, naming, run.skip_existing, run.force, run.detach)
    return submit_batch(plan, inputs, settings, json=run.json, quiet=run.quiet)


def _output(
    task: SeparateTask | MidiTask | TranscribeTask, inputs: Sequence[Input], run: Run
) -> str:
    return choose_output(run.output, task, inputs, json=run.json, skip_existing=run.skip_existing)


def _naming(
    task: SeparateTask | MidiTask | TranscribeTask,
    inputs: Sequence[Input],
    output: str,
    template: Template | None,
) -> Naming:
    from neuralib.cli.batch.naming import Naming

    if template is not None and output == "-":
        raise UsageError(
            "--name-template names files, but the result goes to standard output; name a folder "
            "with -o"
        )
    return Naming(task, inputs, Path(output), template)


def _check_options(run: Run) -> None:
    """Refuse options that would have no effect, or make no sense.

    Raises:
        UsageError: naming the option, and what to do.
    """
    if run.jobs is not None and run.jobs < 1:
        raise UsageError(f"--jobs: got {run.jobs}; it must be 1 or more")
    if not run.submit:
        for option, is_given in (
            ("--detach", run.detach),
            ("--server", run.server is not None),
            ("--force", run.force),
        ):
            if is_given:
                raise UsageError(f"{option} is about a cluster; give --submit too")
    elif run.jobs is not None:
        raise UsageError("--jobs is about this machine; with --submit the workers share the inputs")
    elif run.device is not None:
        raise UsageError(
            "--device is about this machine; with --submit a worker computes, on the device that "
            "`neuralib worker --device` gave it"
        )
    if run.detach and run.output is not None and not run.skip_existing:
        raise UsageError(
            "--detach writes no results; give -o to `neuralib jobs get`, which fetches them"
        )
    if run.detach and run.name_template is not None and not run.skip_existing:
        raise UsageError("--detach writes no results that --name-template could name; leave it out")
