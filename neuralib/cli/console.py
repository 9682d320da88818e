"""Where every line goes: results to standard output, all else to standard error."""

from __future__ import annotations

import functools
import json
import logging
import os
import signal
import sys
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ParamSpec

import typer

if TYPE_CHECKING:
    from rich.table import Table

    from neuralib.errors import NeuraLibError

P = ParamSpec("P")

_LOG = logging.getLogger(__name__)


def put(text: str) -> None:
    """Print one result on a line of its own; a path byte for byte."""
    with _told():
        sys.stdout.buffer.write(os.fsencode(text) + b"\n")
        sys.stdout.buffer.flush()


def put_json(record: dict[str, Any]) -> None:
    """Print one record as a line of JSON (ASCII, so that any name survives)."""
    put(json.dumps(record))


def put_table(table: Table, *, nothing: str = "") -> None:
    """Print a table: fitted to the terminal, or wide and whole where a program reads it.

    Args:
        table: to print.
        nothing: to remark in the place of a table without rows.
    """
    from rich.console import Console

    if nothing and not table.row_count:
        note(nothing)
        return
    with _told():
        Console(width=None if sys.stdout.isatty() else 200).print(table)


@contextmanager
def _told() -> Iterator[None]:
    """Tell a full disk behind standard output from a fault."""
    from neuralib.errors import cannot_write

    try:
        yield
    except BrokenPipeError:
        raise  # nobody reads our results any more
    except OSError as error:
        raise cannot_write("standard output", error) from None


def complain(message: str) -> None:
    """Print an error on one line."""
    typer.secho(f"error: {printable(message)}", file=sys.stderr, fg="red")


def note(message: str) -> None:
    """Print a remark on one line."""
    typer.secho(printable(message), file=sys.stderr)  # as it is now: bars let lines pass above them


def confirm(question: str) -> bool:
    """Ask on standard error; nothing and everything but a no mean yes."""
    typer.echo(f"{question} [Y/n] ", err=True, nl=False)
    return not sys.stdin.readline().strip().lower().startswith("n")


def printable(text: str) -> str:
    r"""Escape what would break a line or a terminal: "a\nb" becomes "a\\nb"."""
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in text
    )


class _Lines(logging.Handler):
    """Prints log records as `warning: …` lines."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print one record."""
        colour = "yellow" if record.levelno >= logging.WARNING else None
        message = printable(" ".join(record.getMessage().split()))
        typer.secho(f"{record.levelname.lower()}: {message}", file=sys.stderr, fg=colour)
        if record.exc_info:
            typer.echo("".join(traceback.format_exception(*record.exc_info)), err=True)


class _Log(logging.Handler):
    """Prints log records as lines of a log: time, level, action, what happened."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print one record."""
        moment = time.strftime("%Y-%m-%dT%H:%M:%S%z", time.localtime(record.created))
        action = getattr(record, "action", record.name)
        message = printable(" ".join(record.getMessage().split()))
        typer.echo(f"{moment} {record.levelname.lower()} {action}: {message}", err=True)
        if record.exc_info:
            typer.echo("".join(traceback.format_exception(*record.exc_info)), err=True)


def keep_log(*, quiet: bool = False, verbose: bool = False) -> None:
    """Print what a server or a worker does: warnings alone when quiet, everything when verbose."""
    root = logging.getLogger()
    root.handlers = [_Log()]
    root.setLevel(logging.WARNING)
    level = logging.WARNING if quiet else logging.DEBUG if verbose else logging.INFO
    logging.getLogger("neuralib").setLevel(level)
    logging.captureWarnings(True)


def listen(*, quiet: bool = False, verbose: bool = False) -> None:
    """Print warnings of the libraries below: none when quiet, everything when verbose."""
    root = logging.getLogger()
    root.handlers = [_Lines()]
    root.setLevel(logging.ERROR if quiet else logging.WARNING)
    logging.getLogger("neuralib").setLevel(
        logging.ERROR if quiet else logging.DEBUG if verbose else logging.WARNING
    )
    warnings.simplefilter("default" if verbose else "ignore")
    logging.captureWarnings(True)


def command(function: Callable[P, int]) -> Callable[P, None]:
    """Make a command of a function that returns an exit status.

    Errors become one line and their exit status; termination by a signal unwinds like an
    exception, so that nothing half-written stays behind.
    """

    @functools.wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        raise typer.Exit(_guarded(function, *args, **kwargs))

    return run


def _guarded(function: Callable[P, int], *args: P.args, **kwargs: P.kwargs) -> int:
    from neuralib.errors import NeuraLibError

    for name in ("SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), _terminate)
    try:
        return function(*args, **kwargs)
    except NeuraLibError as error:
        complain(error.message)
        return error.exit_status
    except KeyboardInterrupt:
        complain("interrupted; finished results are kept, nothing is half-written")
        return 130
    except BrokenPipeError:  # whoever read our output has gone
        return 1
    except Exception as error:
        told = unexpected(error)
        complain(told.message)
        return told.exit_status


def let_go() -> None:
    """Drop what standard output has not taken, so that the interpreter does not try again."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def unexpected(error: Exception) -> NeuraLibError:
    """Make one line of a damaged library, or of a fault of NeuraLib; -v shows the traceback."""
    from neuralib.errors import EngineMissing, InternalError

    _LOG.debug("internal error", exc_info=error)
    if isinstance(error, ImportError) and not (error.name or "").startswith("neuralib"):
        return EngineMissing(
            f"a library cannot be imported ({error}); `neuralib doctor` looks at those that the "
            "tasks need, and -v shows which this is"
        )
    return InternalError(
        f"{type(error).__name__}: {error}; this is a fault of NeuraLib: please report it, "
        "with what -v prints"
    )


def _terminate(number: int, frame: object) -> None:
    raise SystemExit(128 + number)
