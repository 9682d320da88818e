"""How the help of a command looks."""

from __future__ import annotations

from typing import Any

from typer.core import TyperCommand


class PlainCommand(TyperCommand):
    """A command with `INPUT...` in its usage line, where newer Typers write `{INPUT}...`.

    Arguments are described in the text of a command and hidden from its lists, where Typer
    writes their Python types, which say nothing to a user.
    """

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """Give the parts of the usage line."""
        pieces: list[str] = super().collect_usage_pieces(ctx)
        return [piece.replace("{", "").replace("}", "") for piece in pieces]
