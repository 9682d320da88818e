"""What became of all inputs of a batch, in one line."""

from __future__ import annotations

import time
from collections import Counter

from neuralib.cli.bars import clock
from neuralib.cli.batch.record import Record


class Tally:
    """Counts records, and how long they took from the first to the last."""

    def __init__(self) -> None:
        self._counts = Counter[str]()
        self._audio_seconds = 0.0
        self._started = time.monotonic()

    def add(self, record: Record) -> None:
        """Count one more."""
        self._counts[record.status] += 1
        self._audio_seconds += record.audio_seconds or 0.0

    def add_submitted(self) -> None:
        """Count one more that nobody waits for here."""
        self._counts["submitted"] += 1

    @property
    def exit_status(self) -> int:
        """1 where an input failed."""
        return 1 if self._counts["failed"] else 0

    def summary(self) -> str:
        """Say it: `1990 done, 8 skipped, 2 failed; 33:10 of audio in 42.3 s (47x)`."""
        order = ("submitted", "done", "skipped", "failed")
        text = ", ".join(
            f"{self._counts[status]} {status}" for status in order if self._counts[status]
        )
        if not self._audio_seconds:
            return text
        seconds = max(time.monotonic() - self._started, 1e-3)
        speed = self._audio_seconds / seconds
        return (
            f"{text}; {_length(self._audio_seconds)} of audio in {_length(seconds)} "
            f"({speed:.{0 if speed >= 10 else 1}f}x)"
        )


def _length(seconds: float) -> str:
    return clock(seconds) if seconds >= 60 else f"{seconds:.1f} s"
