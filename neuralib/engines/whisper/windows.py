"""What computes Whisper's windows: the little that faster-whisper's lanes ask of it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neuralib.engines.whisper.decode import Manner, Said


@dataclass(frozen=True, eq=False)
class Heard:
    """What the encoder made of a window; more of it may lie in a slot of the model."""

    slot: int
    states: NDArray[np.float32]
    """(1, 1500, channels)."""


class Windows(ABC):
    """Encodes windows into slots, and decodes the windows of several slots together."""

    slots: int
    """How many windows there may be at once."""
    n_mels: int
    is_multilingual: bool
    """Whether it knows more than English."""

    @abstractmethod
    def encode(self, features: NDArray[np.float32], slot: int) -> Heard:
        """Listen to a window, (bands, 3000); what `slot` held before is lost."""

    @abstractmethod
    def detect_language(self, heard: Heard) -> list[list[tuple[str, float]]]:
        """List the language tokens and their probabilities, likeliest first."""

    @abstractmethod
    def generate(
        self,
        heard: Sequence[Heard],
        prompts: Sequence[Sequence[int]],
        manner: Manner,
        check: Callable[[], None] = lambda: None,
    ) -> list[Said]:
        """Decode windows together.

        Args:
            heard: the windows; none may lie in the slot of another.
            prompts: of each window, of any lengths.
            manner: of all of them.
            check: called now and then; what it raises ends the run.
        """

    def restart(self) -> None:  # noqa: B027 - most have nothing to do
        """Start random numbers anew, where they go on from window to window."""

    def stop(self) -> None:  # noqa: B027 - most ask `check` often enough
        """End what is under way in another thread, with an error there."""
