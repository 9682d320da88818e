"""Separation by Demucs: the same stems as demucs' `apply_model`, in constant memory."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from neuralib.audio.block import Block
from neuralib.audio.overlap_add import OverlapAdd
from neuralib.audio.segment import Segmenter
from neuralib.audio.stream_sum import StreamSum
from neuralib.engines.base import Normalisation, Separator
from neuralib.engines.demucs_checkpoint import Checkpoint
from neuralib.engines.demucs_files import read_checkpoint
from neuralib.engines.demucs_network import DemucsNetwork
from neuralib.engines.lane import Lane
from neuralib.errors import CheckpointError, UsageError

_LONGEST_SHIFT_SECONDS = 0.5  # demucs' `apply_model`
_LEAST_DEVIATION = 1e-8  # demucs' `Separator.separate_tensor`; keeps silence silent


@dataclass(frozen=True)
class _Run:
    """One pass of one model over the mix."""

    path: Path
    gains: tuple[float, ...]
    """Part of this run in each wanted stem."""
    lead: int
    """Frames of silence in front of the mix."""


class Demucs(Separator):
    """HTDemucs, HDemucs and Demucs models, alone or in a bag.

    All the models of a bag go through the mix together, each at the pace of its own segments,
    and their stems are averaged by the bag's weights. Only models with a weight for a wanted
    stem are run, and their weights read; a checkpoint that a bag lists twice is read once.
    """

    def load(self) -> None:
        """Read what the checkpoints say, and the weights unless a bag leaves a choice."""
        if hasattr(self, "_checkpoints"):
            return
        checkpoints = {path: read_checkpoint(path) for path in self.model.paths}
        first = checkpoints[self.model.paths[0]]
        _check_alike(checkpoints.values(), first)
        self._weights = self.model.weights or ((1.0,) * len(first.sources),) * len(self.model.paths)
        self._check_weights(first)
        self._networks: dict[Path, DemucsNetwork] = {}
        self._checkpoints = checkpoints
        self.sources, self.sample_rate = first.sources, first.sample_rate
        self.channels = first.channels
        if len(checkpoints) == 1:
            self._network(first.path)

    def separate(
        self,
        blocks: Iterable[Block],
        normalisation: Normalisation,
        stems: Sequence[str],
        *,
        overlap: float,
        shifts: int,
        seed: int,
    ) -> Iterator[NDArray[np.float32]]:
        """Yield the stems as the mix arrives; see `Separator.separate`.

        The shifts are drawn by Python's `random.Random(seed)` for all models of the bag in
        turn, wanted or not, as demucs draws them: with the same shifts it gives the same stems.

        Raises:
            UsageError: where a stem is not one of `sources`, or the overlap leaves no step.
            CheckpointError: where the weights of a wanted model cannot be read.
        """
        self.load()
        columns = [self._column(stem) for stem in stems]
        runs = self._runs(columns, shifts, seed)
        lanes = [self._lane(run, columns, overlap) for run in runs]
        gains = [np.array(run.gains, np.float32)[:, None, None] for run in runs]
        total = StreamSum(len(lanes), (len(columns), self.channels))
        return _stream(blocks, normalisation, lanes, gains, total)

    def _column(self, stem: str) -> int:
        if stem not in self.sources:
            raise UsageError(
                f"model {self.model.name!r} has no stem {stem!r}; its stems are "
                f"{', '.join(self.sources)}"
            )
        return self.sources.index(stem)

    def _runs(self, columns: Sequence[int], shifts: int, seed: int) -> list[_Run]:
        weights = np.array(self._weights)[:, columns]
        gains = dict(enumerate(weights / weights.sum(axis=0)))
        leads = self._leads(shifts, seed)
        if not shifts:
            for index, path in enumerate(self.model.paths):
                first = self.model.paths.index(path)
                if first != index:
                    gains[first] = gains[first] + gains.pop(index)
        return [
            _Run(self.model.paths[index], tuple(row / len(leads[index])), lead)
            for index, row in gains.items()
            if row.any()
            for lead in leads[index]
        ]

    def _leads(self, shifts: int, seed: int) -> list[list[int]]:
        """Draw the shifts of each model; demucs counts them from the other end."""
        models = len(self.model.paths)
        if not shifts:
            return [[0]] * models
        longest = int(_LONGEST_SHIFT_SECONDS * self.sample_rate)
        draw = random.Random(seed)
        return [[longest - draw.randint(0, longest) for _ in range(shifts)] for _ in range(models)]

    def _lane(self, run: _Run, columns: Sequence[int], overlap: float) -> Lane:
        network = self._network(run.path)
        length = network.segment_frames
        stride = int((1 - overlap) * length)
        if stride < 1:
            raise UsageError(
                f"overlap {overlap:g} leaves no step between segments of {length} frames; take "
                "a smaller one"
            )
        return Lane(
            partial(network, stems=columns),
            Segmenter(self.channels, length, stride, network.padded_length),
            OverlapAdd((len(columns), self.channels), length, stride),
            np.zeros((self.channels, run.lead), np.float32),
        )

    def _network(self, path: Path) -> DemucsNetwork:
        if path not in self._networks:
            self._networks[path] = DemucsNetwork(
                self._checkpoints[path], self.model.segment_seconds, self.placement
            )
        return self._networks[path]

    def _check_weights(self, first: Checkpoint) -> None:
        widths = [len(row) for row in self._weights]
        if widths != [len(first.sources)] * len(self.model.paths):
            raise CheckpointError(
                f"model {self.model.name!r}: its weights must be {len(self.model.paths)} rows of "
                f"{len(first.sources)} numbers, one row a checkpoint and one column a stem"
            )
        for stem, column in zip(first.sources, zip(*self._weights, strict=True), strict=True):
            if not sum(column):
                raise CheckpointError(
                    f"model {self.model.name!r}: its weights for stem {stem!r} sum to 0"
                )


def _check_alike(checkpoints: Iterable[Checkpoint], first: Checkpoint) -> None:
    for other in checkpoints:
        for what in ("sources", "sample_rate", "channels"):
            if getattr(other, what) != getattr(first, what):
                raise CheckpointError(
                    f"{other.path} and {first.path} cannot be one bag: their {what} are "
                    f"{getattr(other, what)} and {getattr(first, what)}"
                )


def _stream(
    blocks: Iterable[Block],
    normalisation: Normalisation,
    lanes: Sequence[Lane],
    gains: Sequence[NDArray[np.float32]],
    total: StreamSum,
) -> Iterator[NDArray[np.float32]]:
    mean = np.float32(normalisation.mean)
    std = np.float32(normalisation.std + _LEAST_DEVIATION)

    def advance(parts: Iterable[Iterator[NDArray[np.float32]]]) -> Iterator[NDArray[np.float32]]:
        for index, part in enumerate(parts):
            for separated in part:
                total.add(index, gains[index] * separated)
                final = total.take()
                if final.shape[-1]:
                    yield final * std + mean

    for block in blocks:
        normalised = (block - mean) / std
        yield from advance(lane.push(normalised) for lane in lanes)
    yield from advance(lane.finish() for lane in lanes)
