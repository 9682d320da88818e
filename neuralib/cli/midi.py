"""`neuralib midi`."""

from __future__ import annotations

from typing import Annotated

import typer

from neuralib.cli import options
from neuralib.cli.console import command


@command
def midi(
    inputs: options.Inputs,
    output: options.Output = None,
    model: Annotated[
        str,
        typer.Option(
            "--model",
            "-m",
            metavar="NAME|FILE",
            help="Name that `models list` shows, imported or not, or path of an ONNX graph.",
        ),
    ] = "basic-pitch",
    format: Annotated[
        str,
        typer.Option(
            "--format", "-f", metavar="mid,csv,json", help="One format, or several with commas."
        ),
    ] = "mid",
    onset_threshold: Annotated[
        float,
        typer.Option(metavar="LEVEL", help="Activation at which a note starts, 0 to 1."),
    ] = 0.5,
    frame_threshold: Annotated[
        float,
        typer.Option(metavar="LEVEL", help="Activation at which a note goes on, 0 to 1."),
    ] = 0.3,
    minimum_note_length: Annotated[
        float, typer.Option(metavar="MS", help="Drop shorter notes.")
    ] = 127.70,
    minimum_frequency: Annotated[
        float | None, typer.Option(metavar="HZ", help="Drop lower notes.")
    ] = None,
    maximum_frequency: Annotated[
        float | None, typer.Option(metavar="HZ", help="Drop higher notes.")
    ] = None,
    pitch_bends: Annotated[
        bool, typer.Option("--pitch-bends/--no-pitch-bends", help="Write how each note bends.")
    ] = True,
    multiple_pitch_bends: Annotated[
        bool,
        typer.Option("--multiple-pitch-bends", help="Let overlapping notes bend: a track a pitch."),
    ] = False,
    melodia_trick: Annotated[
        bool,
        typer.Option("--melodia/--no-melodia", help="Also find notes without a clear onset."),
    ] = True,
    clock: Annotated[
        str,
        typer.Option(
            metavar="auto|basic-pitch|input",
            help="Times as basic-pitch counts them, up to 13 ms off in an hour, or exactly those "
            "of the input. auto: the input's in recordings beyond ten minutes.",
        ),
    ] = "auto",
    tempo: Annotated[
        str,
        typer.Option(
            metavar="BPM|auto",
            help="Tempo of the file; notes keep their times. auto: that of the song.",
        ),
    ] = "120",
    quantize: Annotated[
        str | None,
        typer.Option(
            metavar="1/4|1/8|1/16|1/32[t]",
            help="Move notes to this grid of the tempo; t: triplets.",
        ),
    ] = None,
    program: Annotated[
        int, typer.Option(metavar="1..128", help="General MIDI instrument of the file.")
    ] = 5,
    channel: Annotated[int, typer.Option(metavar="1..16", help="MIDI channel of the notes.")] = 1,
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
    """Turn songs into notes: DIR/<name>.mid.

    INPUT is an audio file, a folder to search for audio, or - for standard input.

    Example: neuralib midi piano.flac --format mid,csv -o notes
    """
    from neuralib.cli.batch.run import Run, run_batch

    values = {
        "kind": "midi",
        "model": model,
        "formats": options.split(format),
        "onset_threshold": onset_threshold,
        "frame_threshold": frame_threshold,
        "minimum_note_ms": minimum_note_length,
        "minimum_frequency_hz": minimum_frequency,
        "maximum_frequency_hz": maximum_frequency,
        "pitch_bends": pitch_bends,
        "multiple_pitch_bends": multiple_pitch_bends,
        "melodia_trick": melodia_trick,
        "clock": clock,
        "tempo_bpm": _number(tempo),
        "quantize": quantize,
        "program": program,
        "channel": channel,
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


def _number(text: str) -> float | str:
    """Read a number; the task says what is wrong with a text that is none."""
    try:
        return float(text)
    except ValueError:
        return text
