"""Notes on the grid of a tempo."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from operator import attrgetter

from neuralib.midi.notes import Note
from neuralib.midi.tempo import Tempo
from neuralib.tasks import QuantizeGrid

_TRIPLET = 2 / 3


@dataclass(frozen=True)
class _Placed:
    """A note, and the steps of the grid that it starts and ends at."""

    note: Note
    start: int
    end: int


def quantize(notes: Iterable[Note], grid: QuantizeGrid, tempo: Tempo) -> list[Note]:
    """Move starts and ends of notes to the nearest step of a grid.

    A note lasts one step at least, and ends at the latest where its pitch starts again. Notes of
    a pitch that come to start together become one: as loud as the loudest, as long as the
    longest.

    Args:
        notes: in any order.
        grid: length of a step as a part of a whole note; with `t` three take the time of two.
        tempo: its first beat is on the grid.

    Returns:
        The notes by start, then end, then pitch; none starts before the input does.
    """
    step = _step_quarters(grid)
    first = math.ceil(-tempo.pickup_quarters / step)
    by_pitch: dict[int, list[_Placed]] = defaultdict(list)
    for note in sorted(notes, key=attrgetter("place")):
        start = max(round(tempo.quarter_at(note.start) / step), first)
        end = max(round(tempo.quarter_at(note.end) / step), start + 1)
        by_pitch[note.pitch].append(_Placed(note, start, end))
    found = [
        replace(
            each.note,
            start=tempo.seconds_at(each.start * step),
            end=tempo.seconds_at(each.end * step),
        )
        for placed in by_pitch.values()
        for each in _one_after_another(placed)
    ]
    return sorted(found, key=attrgetter("place"))


def _step_quarters(grid: QuantizeGrid) -> float:
    length = 4 / int(grid.removeprefix("1/").removesuffix("t"))
    return length * _TRIPLET if grid.endswith("t") else length


def _one_after_another(placed: Sequence[_Placed]) -> list[_Placed]:
    """Join notes of a pitch that start together, and end each where the next one starts."""
    kept: list[_Placed] = []
    for each in placed:
        last = kept[-1] if kept else None
        if last is None or last.start < each.start:
            if last is not None and last.end > each.start:
                kept[-1] = replace(last, end=each.start)
            kept.append(each)
            continue
        louder = max(last, each, key=lambda one: one.note.amplitude)
        kept[-1] = replace(louder, end=max(last.end, each.end))
    return kept
