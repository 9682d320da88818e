"""What a running task reports, and to whom."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Stage = Literal["load", "measure", "run", "write"]
"""`load`: a model is read. `measure`: a first decoding pass. `run`: the model computes. `write`:
what waited for its end is made into results."""


@dataclass(frozen=True)
class Progress:
    """How far a task is.

    `done_seconds` and `total_seconds` are seconds of audio, not of work; a total of None
    means that the length of the input is not known.
    """

    stage: Stage
    done_seconds: float = 0.0
    total_seconds: float | None = None
    later_seconds: float = 0.0
    """Time, not audio, that stages after this one will take, as far as that can be told."""

    @property
    def fraction(self) -> float | None:
        """The part that is done, 0 to 1, or None where the total is unknown."""
        if not self.total_seconds:
            return None
        return min(self.done_seconds / self.total_seconds, 1.0)


Report = Callable[[Progress], None]
"""Called often from the thread that runs the task.

Whoever listens may raise `errors.Cancelled` (or let KeyboardInterrupt pass) to stop the run.
"""


def silent(progress: Progress) -> None:
    """Listen to nothing."""
