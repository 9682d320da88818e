"""What a task runs on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from neuralib.audio import decode, shape
from neuralib.audio.block import Block
from neuralib.audio.decode import Recording
from neuralib.execute.findings import Findings, Level


@dataclass(frozen=True)
class Source:
    """One audio stream of a file on this machine."""

    path: Path
    name: str
    """What the results are named after: usually the file's name without its suffix."""
    stream: int | None = None
    """Which of the file's audio streams, from 1; None: its default one."""
    findings: Findings = field(default_factory=Findings, compare=False, repr=False)
    """What earlier runs found out about the same file."""

    def probe(self) -> decode.AudioInfo:
        """Read its header, as `audio.decode.probe` does, unless that is known."""
        infos = self.findings.infos
        if self.stream not in infos:
            infos[self.stream] = decode.probe(self.path, stream=self.stream)
        return infos[self.stream]

    def level(self, sample_rate: int, channels: int, measure: Callable[[], Level]) -> Level:
        """Give what `measure` gives, which is called unless that is known.

        Args:
            sample_rate: in which a model hears it, hertz.
            channels: likewise.
            measure: reads all of it.
        """
        levels, key = self.findings.levels, (self.stream, sample_rate, channels)
        if key not in levels:
            levels[key] = measure()
        return levels[key]

    def samples(
        self, sample_rate: int, read: Callable[[], NDArray[np.float32]]
    ) -> NDArray[np.float32]:
        """Give what `read` gives, mono and whole; it is called unless that is known.

        Args:
            sample_rate: in which a model hears it, hertz.
            read: reads all of it into a temporary file.
        """
        known, key = self.findings.samples, (self.stream, sample_rate)
        if key not in known:
            known[key] = read()
        return known[key]

    def decode(self, *, warn: bool = True) -> Iterator[Block]:
        """Decode it, as `audio.decode.decode` does."""
        return decode.decode(self.path, stream=self.stream, warn=warn)

    @contextmanager
    def opened(self, sample_rate: int, channels: int) -> Iterator[Recording]:
        """Open it once for its header and its samples, as `audio.shape.open_shaped` does.

        While it is open, and afterwards, `probe` knows its header.
        """
        with shape.open_shaped(self.path, sample_rate, channels, stream=self.stream) as recording:
            self.findings.infos[self.stream] = recording.info
            yield recording
