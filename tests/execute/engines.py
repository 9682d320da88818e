"""A separator whose stems are known: gains of the mix, without a network."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from neuralib.audio.block import Block
from neuralib.engines.base import Normalisation, Separator
from neuralib.engines.device import Placement
from neuralib.execute.turn import Turn
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
    ) -> Iterator[np.ndarray]:
        gains = np.array([self.gains[stem] for stem in stems], np.float32)
        for block in blocks:
            yield gains[:, None, None] * block[None]
