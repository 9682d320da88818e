"""`neuralib bench`: how fast this machine is, and what a song of four minutes takes on it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from neuralib.cli.console import command, listen, note, put_json, put_table

if TYPE_CHECKING:
    from neuralib.bench.bench import Row
    from neuralib.bench.trial import Kind


@command
def bench(
    tasks: Annotated[
        str, typer.Option(metavar="A,B", help="Measure these: separate, midi, transcribe.")
    ] = "separate,midi,transcribe",
    model: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME|PATH",
            help="Measure this model; once for each task. Default: the task's own, or another that "
            "is here, or random weights of its size.",
        ),
    ] = None,
    device: Annotated[
        str | None, typer.Option(metavar="auto|cpu|cuda[:N]|mps", help="Measure on this alone.")
    ] = None,
    song: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Measure with the beginning of this recording."),
    ] = None,
    seconds: Annotated[
        float | None,
        typer.Option(help="Length of the song to measure with. Default: 16 or 60, by task."),
    ] = None,
    json: Annotated[
        bool, typer.Option("--json", help="Print one JSON record a run, instead of a table.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.")] = False,
) -> int:
    """Measure how fast this machine is, in about a minute.

    A short song is made, or taken from --song, and each task runs on it in a process of its own: in
    the arithmetic that --precision auto takes here, then in float32, on the GPU and on the
    processor. Results are thrown away.
    """
    import tempfile

    from neuralib.audio.decode import probe
    from neuralib.bench.bench import SECONDS, choose_models, measure
    from neuralib.cli.bars import Row as Bar
    from neuralib.cli.bars import open_bars
    from neuralib.engines.device import check_name
    from neuralib.models.open import open_store
    from neuralib.settings import load_settings

    listen(quiet=True)
    kinds = _kinds(tasks)
    _check_seconds(seconds)
    if song is not None:
        song = song.resolve()
        probe(song)
    settings = load_settings(device=device)
    check_name(settings.device)
    models = choose_models(open_store(settings), model or ())
    rows: list[Row] = []
    with open_bars(enabled=not quiet) as bar:
        shown = Bar(bar, "")
        for kind in kinds:
            with tempfile.TemporaryDirectory(
                prefix="neuralib-bench-", ignore_cleanup_errors=True
            ) as folder:
                length = seconds or SECONDS[kind]
                for row in measure(
                    kind, models[kind], settings.device, length, song, Path(folder), shown.show
                ):
                    rows.append(row)
                    if json:
                        put_json(row.to_json())
        shown.end()
    if not json:
        _show(rows)
    for row in rows:
        if row.error:
            note(f"{row.task}: {row.error['message']}")
    return max((row.error["exit_status"] for row in rows if row.error), default=0)


def _kinds(words: str) -> list[Kind]:
    from neuralib.bench.bench import DEFAULTS
    from neuralib.errors import UsageError

    named = words.split(",")
    for name in named:
        if name not in DEFAULTS:
            raise UsageError(f"--tasks: got {name!r}; the tasks are {', '.join(DEFAULTS)}")
    return [kind for kind in DEFAULTS if kind in named]


def _check_seconds(seconds: float | None) -> None:
    from neuralib.errors import UsageError

    if seconds is not None and not 1 <= seconds <= 3600:
        raise UsageError(f"--seconds: got {seconds:g}; it must be 1 to 3600")


def _show(rows: list[Row]) -> None:
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("task", no_wrap=True)
    table.add_column("model", overflow="fold")
    table.add_column("computed by", no_wrap=True)
    for head in ("× real\ntime", "4-minute\nsong", "peak\nmemory", "agrees"):  # noqa: RUF001 (a sign of multiplication)
        table.add_column(head, justify="right", no_wrap=True)
    for row in rows:
        model = escape(row.model) + (" (random)" if row.is_random else "")
        table.add_row(row.task, model, *_cells(row), style="" if row.is_auto else "dim")
    put_table(table)
    if any(row.is_random for row in rows):
        note(
            "Random weights stand for models that are not here; they take the same time. "
            "`neuralib models pull` brings the models."
        )
    note("The first line of a task is what `--precision auto` takes here.")


def _cells(row: Row) -> list[str]:
    from neuralib.bench.agreement import UNITS
    from neuralib.cli.bars import clock

    answer = row.answer
    if answer is None or row.song_seconds is None:
        return ["–", "–", "–", "–", (row.error or {}).get("code", "")]  # noqa: RUF001 (dashes in a table)
    peak = "–" if answer.peak_bytes is None else f"{answer.peak_bytes / 1e6:.0f} MB"  # noqa: RUF001 (a dash in a table)
    agrees = "reference" if row.is_reference else "–"  # noqa: RUF001 (a dash in a table)
    if answer.agreement is not None:
        agrees = UNITS[row.task].format(answer.agreement)
    return [
        f"{answer.runtime} {answer.precision} {answer.device}",
        f"{row.real_time_factor:.1f}",
        clock(row.song_seconds),
        peak,
        agrees,
    ]
