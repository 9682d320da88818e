"""A long song in pieces, two at a time."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

Result = TypeVar("Result")

Places: TypeAlias = tuple[NDArray[np.intp], NDArray[np.intp]]
"""Frames and columns."""

PIECE_FRAMES = 16_384
"""Three minutes: shorter songs are done before threads had paid for their start."""


_THREADS = 2  # more would wait for Python's lock


def in_pieces(work: Callable[[int, int], Result], frames: int) -> list[Result]:
    """Call `work(start, stop)` for all pieces of so many frames, several at a time.

    Returns:
        What was returned for each piece, in their order.
    """
    starts = range(0, frames, PIECE_FRAMES)
    stops = [min(start + PIECE_FRAMES, frames) for start in starts]
    if len(stops) < 2:
        return list(map(work, starts, stops))
    with ThreadPoolExecutor(_THREADS) as pool:
        return list(pool.map(work, starts, stops))


def places_of(found: NDArray[np.bool_]) -> Places:
    """Do what `np.nonzero` does for (frames, columns), in a tenth of its time."""
    frames, columns = np.divmod(np.flatnonzero(found), found.shape[1])
    return frames, columns
