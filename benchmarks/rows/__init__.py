"""What can be measured beside others, by the names of `python -m benchmarks --rows`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from benchmarks.rows.clips import clips
from benchmarks.rows.midi import midi
from benchmarks.rows.separate import one_stem, separate
from benchmarks.rows.startup import startup
from benchmarks.rows.transcribe import transcribe
from benchmarks.work import Options, Work

ROWS: dict[str, Callable[[Options, Path], Work]] = {
    "separate": separate,
    "one-stem": one_stem,
    "midi": midi,
    "clips": clips,
    "transcribe": transcribe,
    "startup": startup,
}
