"""How the stems of one input are written."""

from __future__ import annotations

from dataclasses import dataclass

from neuralib.audio.decode import AudioInfo
from neuralib.audio.formats import FORMATS
from neuralib.tasks import SeparateTask


@dataclass(frozen=True)
class StemFormat:
    """The shape of the stems: that of the input, with at most two channels."""

    format: str
    sample_rate: int
    """Hertz; one that the format can hold."""
    channels: int
    bit_depth: int

    @property
    def is_float(self) -> bool:
        """Whether any level is written exactly: 32-bit float."""
        return self.format == "wav" and self.bit_depth == 32


def stem_format(task: SeparateTask, info: AudioInfo) -> StemFormat:
    """Choose how `task` writes the stems of an input."""
    depth = task.bit_depth or info.bit_depth or 16
    return StemFormat(
        format=task.format,
        sample_rate=FORMATS[task.format].writable_rate(info.sample_rate),
        channels=min(info.channels, 2),
        bit_depth=24 if task.format == "flac" and depth == 32 else depth,
    )
