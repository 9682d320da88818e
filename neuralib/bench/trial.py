"""What is asked of a process that measures, and what it answers; both go as JSON."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from neuralib.tasks import MidiTask, Precision, SeparateTask, TranscribeTask

Kind = Literal["separate", "midi", "transcribe"]


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Question(_Value):
    """One task with one model, in one place and arithmetic."""

    kind: Kind
    model: str | None
    """None: random weights, made in `folder`."""
    device: str
    precision: Precision
    seconds: float
    """Length of the song."""
    song: Path | None = None
    """A recording to take it from; None: it is made."""
    folder: Path
    """For the song, random weights and results."""
    reference: str | None = None
    """Name of the results in `folder` to compare with."""
    name: str = ""
    """Of these results."""


class Plan(_Value):
    """Where a task can run here, its model being prepared."""

    places: tuple[tuple[str, Precision], ...]
    """Devices and arithmetic: what `auto` takes, then what it may be compared with."""


class Answer(_Value):
    """How one run went."""

    runtime: str
    device: str
    precision: str
    audio_seconds: float
    seconds: float
    """Time that the run took, its model being loaded."""
    load_seconds: float
    peak_bytes: int | None
    """Greatest resident memory of the process; None: this system does not tell."""
    agreement: float | None
    """With the reference, see `agreement.UNITS`; None: it is the reference, or cannot be told."""


def make_task(question: Question, model: str) -> SeparateTask | MidiTask | TranscribeTask:
    """Give the task that is measured: with formats that can be compared."""
    if question.kind == "separate":
        return SeparateTask(model=model, precision=question.precision, bit_depth=32)
    if question.kind == "midi":
        return MidiTask(model=model, precision=question.precision, formats=("json",))
    # A made voice says nothing; Whisper would try again and again to hear it better.
    temperature = {} if question.song else {"temperature": (0.0,), "language": "en"}
    return TranscribeTask(model=model, precision=question.precision, **temperature)
