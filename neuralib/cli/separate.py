"""`neuralib separate`."""

from __future__ import annotations

from typing import Annotated

import typer

from neuralib.cli import options
from neuralib.cli.console import command


@command
def separate(
    inputs: options.Inputs,
    output: options.Output = None,
    model: Annotated[
        str,
        typer.Option(
            "--model",
            "-m",
            metavar="NAME|FILE",
            help="Name that `models list` shows, imported or not, or path of a checkpoint.",
        ),
    ] = "htdemucs",
    stems: Annotated[
        str | None,
        typer.Option(
            metavar="A,B",
            help="Stems to write; only what they need is computed (default: all of the model's)",
        ),
    ] = None,
    two_stems: Annotated[
        str | None,
        typer.Option(metavar="STEM", help="Write this stem, and the rest of the mix as no_STEM."),
    ] = None,
    format: Annotated[
        str,
        typer.Option(
            "--format", "-f", metavar="wav|flac|mp3|ogg|opus|m4a", help="Format of the stems."
        ),
    ] = "wav",
    bit_depth: Annotated[
        int | None,
        typer.Option(
            metavar="16|24|32",
            help="Bits a sample, for wav and flac; 32 is float (default: as the input)",
        ),
    ] = None,
    sample_rate: Annotated[
        int | None,
        typer.Option(metavar="HZ", help="Sample rate of the stems (default: as the input)"),
    ] = None,
    channels: Annotated[
        int | None,
        typer.Option(
            metavar="1|2", help="Channels of the stems (default: as the input, more become 2)"
        ),
    ] = None,
    clip: Annotated[
        str,
        typer.Option(
            metavar="rescale|clamp|error",
            help="Where a stem is louder than full scale: turn all stems down alike, cut its peaks "
            "off, or fail. 32-bit float keeps any level.",
        ),
    ] = "rescale",
    residual: Annotated[
        bool, typer.Option("--residual", help="Also write residual: the mix minus the stems.")
    ] = False,
    overlap: Annotated[
        float, typer.Option(metavar="FRACTION", help="Overlap of neighbouring segments, 0 to 0.95.")
    ] = 0.25,
    shifts: Annotated[
        int,
        typer.Option(
            metavar="N", help="Average this many randomly shifted runs; 0: one, not shifted."
        ),
    ] = 0,
    seed: Annotated[int, typer.Option(metavar="N", help="Seed of the random shifts.")] = 0,
    stream: options.Stream = None,
    raw: options.Raw = None,
    device: options.Device = None,
    precision: options.Precision = "auto",
    name_template: options.NameTemplate = None,
    skip_existing: options.SkipExisting = False,
    jobs: options.Jobs = None,
    submit: options.Submit = False,
    detach: options.Detach = False,
    server: options.Server = None,
    force: options.Force = False,
    json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> int:
    """Split songs into stems: DIR/<name>/<stem>.<format>.

    INPUT is an audio file, a folder to search for audio, or - for standard input.

    Example: neuralib separate song.mp3 --stems vocals,drums -o stems
    """
    from neuralib.cli.batch.run import Run, run_batch

    values = {
        "kind": "separate",
        "model": model,
        "stems": options.split(stems),
        "two_stems": two_stems,
        "format": format,
        "bit_depth": bit_depth,
        "sample_rate": sample_rate,
        "channels": channels,
        "clip": clip,
        "residual": residual,
        "overlap": overlap,
        "shifts": shifts,
        "seed": seed,
        "precision": precision,
        "stream": stream,
    }
    run = Run(
        output,
        device,
        skip_existing,
        json,
        quiet,
        verbose,
        submit,
        detach,
        server,
        force,
        name_template,
        jobs,
    )
    return run_batch(values, inputs, run, raw)
