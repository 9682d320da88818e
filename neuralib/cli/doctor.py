"""`neuralib doctor`: what is here, what `auto` means here, and what to do about the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from neuralib.cli.console import command, listen, put, put_json, put_table

if TYPE_CHECKING:
    from neuralib.cli.checks import Check


@command
def doctor(
    json: Annotated[
        bool, typer.Option("--json", help="Print one JSON record a check, instead of a table.")
    ] = False,
    device: Annotated[
        str | None,
        typer.Option(metavar="auto|cpu|cuda[:N]|mps", help="Explain this device (default: auto)"),
    ] = None,
) -> int:
    """Say what is here, what auto means, and what to do.

    The exit status is 3 where one of the three tasks cannot run as it is.
    """
    from dataclasses import asdict

    from neuralib.cli.checks import run_checks
    from neuralib.settings import load_settings

    listen(quiet=True)
    checks = run_checks(load_settings(device=device))
    if json:
        for check in checks:
            put_json(asdict(check))
    else:
        _show(checks)
    return 3 if any(check.needed and not check.ok for check in checks) else 0


def _show(checks: list[Check]) -> None:
    from rich.markup import escape
    from rich.table import Table

    table = Table("", "what", title="NeuraLib on this machine")
    table.add_column("found", overflow="fold")
    table.add_column("what to do", overflow="fold")
    area = checks[0].area
    for check in checks:
        if check.area != area:
            table.add_section()
            area = check.area
        mark = "[green]✓" if check.ok else "[red]✗" if check.needed else "[yellow]–"  # noqa: RUF001 (a dash in a table)
        table.add_row(mark, check.name, escape(check.found), escape(check.advice))
    put_table(table)
    missing = sum(check.needed and not check.ok for check in checks)
    things = "1 thing is" if missing == 1 else f"{missing} things are"
    put(f"{things} missing." if missing else "All three tasks can run.")
