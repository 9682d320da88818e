"""`neuralib models list|pull|verify|rm|where|import`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from neuralib.cli.console import (
    command,
    complain,
    listen,
    note,
    printable,
    put,
    put_json,
    put_table,
)
from neuralib.cli.help import PlainCommand

if TYPE_CHECKING:
    from neuralib.models.check import Check
    from neuralib.models.store import ListedModel, Store

app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Manage the checkpoints on this machine."
)

Names = Annotated[list[str], typer.Argument(metavar="NAME", hidden=True)]


@app.command("list", cls=PlainCommand)
@command
def list_models(
    task: Annotated[
        str | None, typer.Option(metavar="separate|midi|transcribe", help="Only of this task.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON record a model.")] = False,
) -> int:
    """Show all models, which of them are here, and their licences."""
    from dataclasses import asdict

    from neuralib.errors import UsageError

    kinds = ("separate", "midi", "transcribe")
    if task is not None and task not in kinds:
        raise UsageError(f"--task: got {task!r}; it is one of {', '.join(kinds)}")
    models = [model for model in _store().models() if task in (None, model.kind)]
    if json:
        for model in models:
            put_json(asdict(model))
    else:
        _show(models)
    return 0


@app.command(cls=PlainCommand)
@command
def pull(
    names: Names,
    offline: Annotated[
        bool, typer.Option("--offline", help="Only say what would have to be fetched.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress bar.")] = False,
) -> int:
    """Fetch models; a broken download goes on where it stopped.

    NAME is one that `neuralib models list` shows.

    Example: neuralib models pull htdemucs small
    """
    from neuralib.cli.display import transfer_bar

    listen(quiet=quiet)
    store = _store(offline=offline or None)
    for name in names:
        with transfer_bar(enabled=not quiet) as report:
            files = store.pull(name, report)
        if not quiet and files.licence:
            note(f"{name}: licence of the weights: {files.licence}")
        for path in dict.fromkeys(files.paths):
            put(str(path))
    return 0


@app.command(cls=PlainCommand)
@command
def verify(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="NAME", hidden=True),
    ] = None,
) -> int:
    """Compare models with their sha256.

    NAME is one that `neuralib models list` shows; without one, all that are here are read.

    The exit status is 3 where one of them is not as it should be.
    """
    from neuralib.cli.display import transfer_bar
    from neuralib.errors import ModelMissing

    store = _store()
    if not (names := names or list(store.here())):
        raise ModelMissing(
            f"no model is in {store.folder}; run `neuralib models pull NAME`, with a name that "
            "`neuralib models list` shows"
        )
    wrong = 0
    for name in names:
        with transfer_bar(enabled=True) as report:
            checks = store.verify(name, report)
        remedy = f"run `neuralib models pull {name}` to fetch it again"
        if store.is_import(name):
            remedy = f"run `neuralib models rm {name}`, and import it again"
        wrong += sum(not _tell(check, remedy) for check in checks)
    return 3 if wrong else 0


@app.command(cls=PlainCommand)
@command
def rm(names: Names) -> int:
    """Remove models that were pulled or imported.

    NAME is one that `neuralib models list` shows. What was made from a model goes with it, and
    standard error tells how many bytes that frees.
    """
    from neuralib.errors import NeuraLibError

    store = _store()
    status = 0
    for name in dict.fromkeys(names):
        try:
            note(f"{name}: {store.remove(name):,} bytes freed")
        except NeuraLibError as error:
            complain(error.message)
            status = status or error.exit_status
    return status


@app.command(cls=PlainCommand)
@command
def where(names: Names) -> int:
    """Print the paths of models, one a line.

    NAME is one that `neuralib models list` shows.
    """
    store = _store()
    for name in names:
        for path in store.where(name):
            put(str(path))
    return 0


@app.command("import", cls=PlainCommand)
@command
def import_model(
    path: Annotated[Path, typer.Argument(metavar="FILE", hidden=True)],
    name: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Name to give it (default: that of the file)."),
    ] = None,
) -> int:
    """Copy a checkpoint into the models folder.

    FILE is a checkpoint, or a bag (.yaml) that lies beside its checkpoints. The name that
    `--model` then takes is printed.
    """
    put(_store().import_(path, name))
    return 0


def _store(offline: bool | None = None) -> Store:
    from neuralib.models.open import open_store
    from neuralib.settings import load_settings

    return open_store(load_settings(offline=offline))


def _tell(check: Check, remedy: str) -> bool:
    """Print what reading a file showed; give whether it is right."""
    if check.is_right:
        known = "" if check.state == "right" else " (only its first digits are published)"
        put(f"{printable(str(check.path))}: sha256 is right{known}")
        return True
    what = "is missing" if check.got is None else f"has sha256 {check.got}, not {check.expected}"
    complain(f"{check.path} {what}; {remedy}")
    return False


def _show(models: list[ListedModel]) -> None:
    from rich.table import Table

    table = Table()
    table.add_column("name", no_wrap=True)  # a name that is cut off cannot be typed
    for heading in ("task", "size", "here", "licence of the weights"):
        table.add_column(heading)
    for model in models:
        size = "" if model.size_bytes is None else f"{model.size_bytes / 1e6:,.1f} MB"
        here = "" if model.state == "missing" else model.state
        name = f"[bold]{model.name}[/] (default)" if model.is_default else model.name
        table.add_row(name, model.kind, size, here, model.licence)
    put_table(table)
