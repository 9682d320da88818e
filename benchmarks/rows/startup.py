"""The first answer: `neuralib midi` on nine seconds, in a process of its own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from benchmarks.rows.midi import midi
from benchmarks.work import Options, Work

SECONDS = 9.0


def startup(options: Options, folder: Path) -> Work:
    """The whole command on a short clip."""
    options = replace(
        options,
        seconds=options.seconds or SECONDS,
        without=(*options.without, "neuralib warm", "basic-pitch warm"),
    )
    work = midi(options, folder)
    return replace(work, about=f"The whole command on {work.audio_seconds:.0f} s, model prepared.")
