"""The arguments and options that several commands share."""

from __future__ import annotations

from typing import Annotated

import typer

Inputs = Annotated[
    list[str],
    typer.Argument(metavar="INPUT", hidden=True, show_default=False),
]
Output = Annotated[
    str | None,
    typer.Option(
        "--output",
        "-o",
        metavar="DIR|-",
        help="Folder for the results, or - to write the one result to standard output "
        "(default: the current folder; - where the only input is -).",
    ),
]
Fetched = Annotated[
    str | None,
    typer.Option(
        "--output",
        "-o",
        metavar="DIR|-",
        help="Folder for the files, or - to write the one file to standard output "
        "(default: the current folder).",
    ),
]
Device = Annotated[
    str | None,
    typer.Option(metavar="auto|cpu|cuda[:N]|mps", help="Where to compute (default: auto)"),
]
Precision = Annotated[
    str,
    typer.Option(metavar="auto|fp32|bf16|fp16", help="Arithmetic of the model."),
]
Stream = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        help="Which audio stream of the input, from 1 (default: its default one).",
    ),
]
Raw = Annotated[
    str | None,
    typer.Option(
        metavar="RATE,CHANNELS,FORMAT",
        help="The inputs are samples without a header, like 44100,2,s16le.",
    ),
]
NameTemplate = Annotated[
    str | None,
    typer.Option(
        "--name-template",
        metavar="TEXT",
        help="Names of the results below DIR, like '{artist}/{title} ({stem})': name, stem, kind, "
        "title, artist, album, date, track, model, ext.",
    ),
]
SkipExisting = Annotated[
    bool,
    typer.Option("--skip-existing", help="Leave inputs alone whose results are all there."),
]
Jobs = Annotated[
    int | None,
    typer.Option(
        "--jobs",
        "-j",
        metavar="N",
        help="Inputs under way at once (default: as many as are fastest here).",
    ),
]
Json = Annotated[
    bool,
    typer.Option("--json", help="Print one JSON record an input, instead of the paths."),
]
Submit = Annotated[bool, typer.Option("--submit", help="Run it on the cluster, and wait for it.")]
Detach = Annotated[
    bool,
    typer.Option("--detach", help="With --submit: do not wait; print the job's id, a line each."),
]
Server = Annotated[
    str | None,
    typer.Option(
        metavar="URL",
        help="Address of the cluster's gateway (default: what the settings name).",
    ),
]
Force = Annotated[
    bool,
    typer.Option("--force", help="With --submit: compute again what was computed before."),
]
Offline = Annotated[bool, typer.Option("--offline", help="Never touch the network.")]
Terse = Annotated[bool, typer.Option("--quiet", "-q", help="Log warnings and errors alone.")]
Chatty = Annotated[bool, typer.Option("--verbose", "-v", help="Log more; show tracebacks.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress bar, no warnings.")]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Say more; show tracebacks.")]


def split(value: str | None) -> tuple[str, ...] | None:
    """Split `a,b` into its parts; None stays None."""
    if value is None:
        return None
    return tuple(part.strip() for part in value.split(",") if part.strip())
