"""`neuralib keys create|list|revoke`."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Annotated

import typer

from neuralib.cli.console import command, note, put, put_json, put_table
from neuralib.cli.help import PlainCommand
from neuralib.cli.reach import for_each

if TYPE_CHECKING:
    from neuralib.jobs.keys import Keys

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Say who may use a gateway, in the database of the settings.",
)

Json = Annotated[bool, typer.Option("--json", help="Print one JSON record a key.")]


@app.command(cls=PlainCommand)
@command
def create(
    name: Annotated[str, typer.Argument(metavar="NAME", hidden=True)],
    tenant: Annotated[
        str | None,
        typer.Option(
            metavar="TENANT", help="Whose samples and jobs it opens (default: the settings')."
        ),
    ] = None,
    json: Json = False,
) -> int:
    """Make a key, and print its token: this once, never again.

    NAME is for people, to tell keys apart. The token goes into NEURALIB_TOKEN where the gateway
    is used.
    """
    from neuralib.settings import load_settings

    with _keys() as keys:
        key, token = keys.create(tenant or load_settings().tenant, name)
    if json:
        put_json({**key.model_dump(mode="json"), "token": token})
    else:
        put(token)
    note(f"{key.id} for tenant {key.tenant}; keep the token, it cannot be shown again")
    return 0


@app.command("list", cls=PlainCommand)
@command
def list_keys(
    tenant: Annotated[
        str | None, typer.Option(metavar="TENANT", help="Only keys of this tenant.")
    ] = None,
    json: Json = False,
) -> int:
    """Show the keys, without their tokens."""
    from neuralib.cli.cluster.listing import key_table

    with _keys() as keys:
        found = keys.list(tenant)
    if json:
        for key in found:
            put_json(key.model_dump(mode="json"))
    else:
        put_table(key_table(found), nothing="no keys: `neuralib keys create NAME` makes one")
    return 0


@app.command(cls=PlainCommand)
@command
def revoke(
    ids: Annotated[list[str], typer.Argument(metavar="ID", hidden=True, show_default=False)],
) -> int:
    """Let keys open nothing any more.

    ID is one that `neuralib keys list` shows.
    """
    with _keys() as keys:
        return for_each(ids, lambda key_id: put(keys.revoke(key_id).id))


def _keys() -> AbstractContextManager[Keys]:
    from neuralib.cli.cluster.database import opened_keys
    from neuralib.settings import load_settings

    return opened_keys(load_settings())
