"""How the stems of one input are written."""

from __future__ import annotations

from dataclasses import dataclass

from neuralib.audio.decode import AudioInfo
from neuralib.audio.formats import FORMATS
from neuralib.errors import UsageError
from neuralib.tasks import SeparateTask


@dataclass(frozen=True)
class StemFormat:
    """The shape of the stems: that of the input, with at most two channels, or as asked for."""

    format: str
    sample_rate: int
    """Hertz; one that the format can hold."""
    channels: int
    bit_depth: int

    def least_bytes(self, seconds: float) -> float:
        """Estimate the size of one stem of this length; better too small than too large."""
        return FORMATS[self.format].least_bytes(
            seconds, self.sample_rate, self.channels, self.bit_depth
        )

    @property
    def is_float(self) -> bool:
        """Whether any level is written exactly: 32-bit float."""
        return self.format == "wav" and self.bit_depth == 32


def check_rate(task: SeparateTask) -> None:
    """Make sure that the format of `task` holds the sample rate that it asks for.

    Raises:
        UsageError: naming those that it holds.
    """
    chosen = FORMATS[task.format]
    if task.sample_rate is None or chosen.writable_rate(task.sample_rate) == task.sample_rate:
        return
    rates = chosen.rates
    if isinstance(rates, range):
        held = f"from {rates[0]} to {rates[-1]} Hz"
    else:
        held = f"of {', '.join(map(str, rates))} Hz"
    raise UsageError(f"{task.format} holds sample rates {held}, got {task.sample_rate}")


def stem_format(task: SeparateTask, info: AudioInfo) -> StemFormat:
    """Choose how `task` writes the stems of an input."""
    depth = task.bit_depth or info.bit_depth or 16
    return StemFormat(
        format=task.format,
        sample_rate=FORMATS[task.format].writable_rate(task.sample_rate or info.sample_rate),
        channels=task.channels or min(info.channels, 2),
        bit_depth=24 if task.format == "flac" and depth == 32 else depth,
    )
