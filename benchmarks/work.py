"""The same work done by several programs, ours and others'."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import ParamSpec, TypeVar

from benchmarks.process import Cost

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True)
class Options:
    """What is asked for, whatever is measured."""

    peers: Path
    """Where the peers' environments are."""
    without: tuple[str, ...] = ()
    """Programs that are left out."""
    seconds: float | None = None
    """Length of the audio, or number of clips; None: what the goal names."""
    recording: Path | None = None
    """Music for `midi`; None: plucked notes."""

    def wants(self, *names: str) -> list[str]:
        return [name for name in names if name not in self.without]


@dataclass(frozen=True)
class Work:
    """One thing to do, and who does it."""

    about: str
    """What it is, in a sentence of Markdown."""
    audio_seconds: float
    runs: Mapping[str, Callable[[], Cost]]
    """Does it once, by the program's name, in the order in which they take turns."""
    compare: Callable[[], dict[str, float]]
    """Says how far the last results of each agree with the reference's."""
    unit: str
    """Of what `compare` says."""
    least: Mapping[str, float] = field(default_factory=dict)
    """What each must reach in `compare`."""
    warm_up: Callable[[], None] = lambda: None
    """Does what a first run ever would: prepares models, fills caches."""


def elsewhere(function: Callable[P, T], *arguments: P.args, **options: P.kwargs) -> T:
    """Call it in a process of its own: a child's peak memory counts its parent's size."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(function, *arguments, **options).result()
