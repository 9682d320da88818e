"""Engines without a network, whose results are known: gains of the mix, and no notes."""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterable, Sequence
from pathlib import Path

import numpy as np

from neuralib.audio.block import Block
from neuralib.engines.base import Normalisation, PitchTracker, Separator
from neuralib.engines.device import Placement
from neuralib.execute.turn import Turn
from neuralib.midi.activations import Activations
from neuralib.models.files import ModelFiles


def alone() -> Turn:
    """Give the turn of a run that shares its engine with no other."""
    return Turn(threading.Lock())


class Gains(Separator):
    """Each stem is the mix times a number."""

    sample_rate = 44100
    channels = 2

    def __init__(self, **gains: float) -> None:
        super().__init__(ModelFiles("gains", (Path("gains"),)), Placement("cpu", "fp32"))
        self.gains = gains
        self.sources = tuple(gains)

    def load(self) -> None:
        pass

    def separate(
        self,
        blocks: Iterable[Block],
        normalisation: Normalisation,
        stems: Sequence[str],
        *,
        overlap: float,
        shifts: int,
        seed: int,
    ) -> Generator[np.ndarray, None, None]:
        gains = np.array([self.gains[stem] for stem in stems], np.float32)
        for block in blocks:
            yield gains[:, None, None] * block[None]


class Deaf(PitchTracker):
    """Hears nothing in whatever it is given."""

    sample_rate = 22050

    def load(self) -> None:
        pass

    def track(self, blocks: Iterable[Block]) -> Activations:
        frames = sum(block.shape[-1] for block in blocks) // 256
        onsets, notes, contours = (np.zeros((frames, width), np.float32) for width in (88, 88, 264))
        return Activations(onsets, notes, contours, frames)
