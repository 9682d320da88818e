"""`neuralib transcribe`."""

from __future__ import annotations

from typing import Annotated

import typer

from neuralib.cli import options
from neuralib.cli.console import command


@command
def transcribe(
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
    ] = "small",
    format: Annotated[
        str,
        typer.Option(
            "--format",
            "-f",
            metavar="txt,srt,vtt,tsv,json,lrc,elrc,ass",
            help="One format, or several with commas.",
        ),
    ] = "txt",
    max_line_width: Annotated[
        int,
        typer.Option(
            metavar="COLUMNS",
            help="Longest line in srt and vtt (0: any); a wide letter takes two columns.",
        ),
    ] = 42,
    max_line_count: Annotated[
        int, typer.Option(metavar="N", help="Most lines at once in srt and vtt (0: any).")
    ] = 2,
    max_reading_speed: Annotated[
        float,
        typer.Option(
            metavar="COLUMNS",
            help="Columns a second in srt and vtt; text that is said faster stays longer where "
            "nothing follows (0: any).",
        ),
    ] = 20.0,
    language: Annotated[
        str | None,
        typer.Option(
            "--language",
            "-l",
            metavar="LANGUAGE",
            help="Spoken language, as code or name (default: detected)",
        ),
    ] = None,
    task: Annotated[
        str, typer.Option(metavar="transcribe|translate", help="translate writes English.")
    ] = "transcribe",
    word_timestamps: Annotated[
        bool, typer.Option("--word-timestamps", help="Time every word in json, as elrc and ass do.")
    ] = False,
    initial_prompt: Annotated[
        str | None,
        typer.Option(metavar="TEXT", help="Names or style to expect, as text said before."),
    ] = None,
    vad: Annotated[
        bool,
        typer.Option(
            "--vad/--no-vad",
            help="Skip what a voice detector takes for silence; it drops singing too.",
        ),
    ] = False,
    temperature: Annotated[
        str,
        typer.Option(
            metavar="T,...",
            help="Sampling temperatures, tried in turn until the text is good enough.",
        ),
    ] = "0,0.2,0.4,0.6,0.8,1",
    beam_size: Annotated[
        int, typer.Option(metavar="N", help="Beams of the search at temperature 0.")
    ] = 5,
    engine: Annotated[
        str,
        typer.Option(
            metavar="faster-whisper|openai-whisper", help="The second is the slow reference."
        ),
    ] = "faster-whisper",
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
    """Write down the words of songs or speech: DIR/<name>.txt.

    INPUT is an audio file, a folder to search for audio, or - for standard input.

    Example: neuralib separate song.mp3 --stems vocals -o - | neuralib transcribe - -f srt
    """
    from neuralib.cli.batch.run import Run, run_batch

    values = {
        "kind": "transcribe",
        "model": model,
        "formats": options.split(format),
        "max_line_width": max_line_width,
        "max_line_count": max_line_count,
        "max_reading_speed": max_reading_speed,
        "language": language,
        "task": task,
        "word_timestamps": word_timestamps,
        "initial_prompt": initial_prompt,
        "vad": vad,
        "temperature": options.split(temperature),
        "beam_size": beam_size,
        "engine": engine,
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
