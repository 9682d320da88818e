"""What is to be reached, on two cores with AMX."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Goal:
    """So many times as fast as a peer, or so fast at all."""

    work: str
    row: str
    ours: str
    theirs: str | None = None
    times: float = 0.0
    """How many times as fast."""
    no_more_memory: bool = False
    seconds: float = 0.0
    """At most, where there is no peer."""


GOALS = (
    Goal("`separate`", "separate", "neuralib", "demucs", 4.0, no_more_memory=True),
    Goal("`separate --precision fp32`", "separate", "neuralib fp32", "demucs", 1.3),
    Goal("one stem of a bag of four", "one-stem", "neuralib", "demucs", 15.0),
    Goal("`midi`, whole command", "midi", "neuralib", "basic-pitch", 5.0),
    Goal("`midi`, loaded models", "midi", "neuralib warm", "basic-pitch warm", 4.0),
    Goal("`midi`, clips of a second", "clips", "neuralib", "basic-pitch", 8.0),
    Goal("`transcribe`, whole command", "transcribe", "neuralib", "openai-whisper", 8.0),
    Goal("`transcribe`, loaded models", "transcribe", "neuralib warm", "faster-whisper warm", 1.5),
    Goal("`midi`, from start to end", "startup", "neuralib", seconds=1.0),
)

PAIRS = {
    "demucs": "neuralib",
    "audio-separator": "neuralib",
    "basic-pitch": "neuralib",
    "basic-pitch warm": "neuralib warm",
    "openai-whisper": "neuralib",
    "whisper-ctranslate2": "neuralib",
    "faster-whisper warm": "neuralib warm",
}
"""Which of ours each peer is compared with."""

FLOP = {
    "separate": "htdemucs",
    "one-stem": "htdemucs",
    "midi": "basic-pitch",
    "clips": "basic-pitch",
    "transcribe": "whisper-small",
}
"""Whose arithmetic a row is; of one stem, that of one model of the bag."""

FP32_ALWAYS = ("midi", "clips", "startup")
"""Rows that we compute in float32 whatever the processor can."""
