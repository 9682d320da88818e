"""Which models of a bag run for some stems, how shifted, and what part each has."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from neuralib.errors import CheckpointError

_LONGEST_SHIFT_SECONDS = 0.5  # demucs' `apply_model`


@dataclass(frozen=True)
class Run:
    """One pass of one model over the mix."""

    path: Path
    """The model's checkpoint."""
    lead_frames: int
    """Silence in front of the mix, which shifts the segments."""
    gains: tuple[float, ...]
    """Part of this pass in each wanted stem; over all runs they sum to 1."""


class Bag:
    """Models whose stems are averaged with weights; one model is a bag of one."""

    def __init__(
        self,
        paths: Sequence[Path],
        weights: Sequence[Sequence[float]] | None,
        sources: Sequence[str],
    ) -> None:
        """Check that the weights fit.

        Args:
            paths: the checkpoints, in the bag's order; the same one may come twice.
            weights: a row for each path with a number for each source, or None: all alike.
            sources: the stems that the models know.

        Raises:
            CheckpointError: where the weights have another shape, or a stem has none.
        """
        self._paths = paths
        self._weights = weights or [[1.0] * len(sources)] * len(paths)
        if [len(row) for row in self._weights] != [len(sources)] * len(paths):
            raise CheckpointError(
                f"the bag's weights must be {len(paths)} rows of {len(sources)} numbers, one row "
                "a checkpoint and one column a stem; mend the bag's .yaml"
            )
        for stem, total in zip(sources, self._totals(), strict=True):
            if not total:
                raise CheckpointError(
                    f"the bag's weights for stem {stem!r} sum to 0; mend the bag's .yaml"
                )

    def runs(self, columns: Sequence[int], shifts: int, seed: int, sample_rate: int) -> list[Run]:
        """Plan the runs that add something to the stems of `columns`.

        Without shifts a checkpoint runs once, however often it is listed.
        """
        totals = self._totals()
        gains = [[row[c] / totals[c] for c in columns] for row in self._weights]
        if not shifts:
            return self._unshifted(gains)
        leads = self._leads(shifts, seed, sample_rate)
        return [
            Run(path, lead, tuple(gain / shifts for gain in row))
            for path, row, model_leads in zip(self._paths, gains, leads, strict=True)
            if any(row)
            for lead in model_leads
        ]

    def _unshifted(self, gains: Sequence[Sequence[float]]) -> list[Run]:
        merged: dict[Path, list[float]] = {}
        for path, row in zip(self._paths, gains, strict=True):
            before = merged.get(path, [0.0] * len(row))
            merged[path] = [one + other for one, other in zip(before, row, strict=True)]
        return [Run(path, 0, tuple(row)) for path, row in merged.items() if any(row)]

    def _leads(self, shifts: int, seed: int, sample_rate: int) -> list[list[int]]:
        """Draw the shifts of all models, in demucs' order, so that no choice changes them.

        demucs pads the mix by the longest shift and skips as many frames as it draws.
        """
        longest = int(_LONGEST_SHIFT_SECONDS * sample_rate)
        draw = random.Random(seed)
        return [[longest - draw.randint(0, longest) for _ in range(shifts)] for _ in self._paths]

    def _totals(self) -> list[float]:
        return [sum(column) for column in zip(*self._weights, strict=True)]
