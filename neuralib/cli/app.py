"""The Typer app, and the entry point of the `neuralib` command."""

from __future__ import annotations

import os
import sys
from typing import Annotated, Any

import typer

from neuralib import __version__
from neuralib.cli import jobs, keys, models, samples
from neuralib.cli.bench import bench
from neuralib.cli.console import complain, let_go
from neuralib.cli.doctor import doctor
from neuralib.cli.help import PlainCommand
from neuralib.cli.midi import midi
from neuralib.cli.separate import separate
from neuralib.cli.serve import serve
from neuralib.cli.transcribe import transcribe
from neuralib.cli.worker import worker

app = typer.Typer(
    name="neuralib",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # its tables leave little room for words, and name Python's types
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
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


app.command(cls=PlainCommand)(separate)
app.command(cls=PlainCommand)(midi)
app.command(cls=PlainCommand)(transcribe)
app.add_typer(jobs.app, name="jobs")
app.add_typer(samples.app, name="samples")
app.add_typer(models.app, name="models")
app.add_typer(keys.app, name="keys")
app.command(cls=PlainCommand)(serve)
app.command(cls=PlainCommand)(worker)
app.command(cls=PlainCommand)(doctor)
app.command(cls=PlainCommand)(bench)


def main() -> None:
    """Run the command line; what cannot be made sense of is one line, like every error."""
    _stand_in()
    try:
        status = app(standalone_mode=False)
    except OSError as error:  # commands catch their own; what is left is the help
        complain(f"cannot write to standard output: {error.strerror or error}")
        status = 1
    except Exception as error:  # Typer gives its parser's errors no public name
        if not hasattr(error, "format_message"):
            raise
        status = _explain(_reason(error), getattr(error, "ctx", None))
    let_go()
    sys.exit(status)


def _stand_in() -> None:
    """Put nothing in the place of a standard stream that was closed; Python has None there."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115 (to the end)


def _reason(error: Any) -> str:
    """Say what Typer complains about; newer ones leave out what was received."""
    if not hasattr(error.__cause__, "errors"):
        message: str = error.format_message()
        return message
    from neuralib.tasks import explain

    option = error.param.opts[0]
    return explain([{**each, "loc": ("", option)} for each in error.__cause__.errors()])


def _explain(message: str, context: typer.Context | None) -> int:
    if "\n" in message:  # the whole help, where there was nothing but a command's name
        typer.echo(message, err=True)
    else:
        path = context.command_path if context else "neuralib"
        text = f"{message} See" if message.endswith("?") else f"{message.rstrip('.')}; see"
        complain(f"{text} `{path} --help`")
    return 2
