"""Count what flows by, and report it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from neuralib.audio.block import Block
from neuralib.progress import Progress, Report, Stage


class Watch:
    """Passes blocks on and reports how many seconds of audio went by.

    Args:
        report: who is told.
        stage: what the blocks are part of.
        sample_rate: of the blocks, in Hz.
        total_seconds: of the whole, where it is known.
        later: tells what `Progress.later_seconds` is now.
    """

    def __init__(
        self,
        report: Report,
        stage: Stage,
        sample_rate: int,
        total_seconds: float | None,
        later: Callable[[], float] = float,
    ) -> None:
        self._report = report
        self._stage: Stage = stage
        self._sample_rate = sample_rate
        self._total_seconds = total_seconds
        self._later = later
        self.frames = 0

    @property
    def seconds(self) -> float:
        """Seconds that went by."""
        return self.frames / self._sample_rate

    def __call__(self, blocks: Iterable[Block]) -> Iterator[Block]:
        """Pass `blocks` (arrays whose last axis is time) on, reporting after each."""
        for block in blocks:
            self.frames += block.shape[-1]
            yield block
            self._report(Progress(self._stage, self.seconds, self._total_seconds, self._later()))
