"""What a task runs on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from neuralib.audio import decode, shape
from neuralib.audio.block import Block


@dataclass(frozen=True)
class Source:
    """One audio stream of a file on this machine."""

    path: Path
    name: str
    """What the results are named after: usually the file's name without its suffix."""
    stream: int | None = None
    """Which of the file's audio streams, from 1; None: its default one."""

    def probe(self) -> decode.AudioInfo:
        """Read its header, as `audio.decode.probe` does."""
        return decode.probe(self.path, stream=self.stream)

    def decode(self, *, warn: bool = True) -> Iterator[Block]:
        """Decode it, as `audio.decode.decode` does."""
        return decode.decode(self.path, stream=self.stream, warn=warn)

    def read(self, sample_rate: int, channels: int) -> Iterator[Block]:
        """Decode it into the shape that a model takes, as `audio.shape.read` does."""
        return shape.read(self.path, sample_rate, channels, stream=self.stream)
