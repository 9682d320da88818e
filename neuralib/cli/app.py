"""The Typer app, and the entry point of the `neuralib` command."""

from __future__ import annotations

from typing import Annotated

import typer

from neuralib import __version__
from neuralib.cli import models
from neuralib.cli.doctor import doctor
from neuralib.cli.midi import midi
from neuralib.cli.separate import separate
from neuralib.cli.transcribe import transcribe

app = typer.Typer(
    name="neuralib",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"neuralib {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print it and exit.")
    ] = False,
) -> None:
    """Takes a song apart: its stems, its notes, its words.

    Results go to standard output, one path a line; everything else to standard error.
    """


app.command()(separate)
app.command()(midi)
app.command()(transcribe)
app.add_typer(models.app, name="models")
app.command()(doctor)


def main() -> None:
    """Run the command line."""
    app()
