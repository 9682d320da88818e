"""Runs that share an engine: one computes, the others read and write."""

from __future__ import annotations

import threading
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from neuralib.errors import Cancelled
from neuralib.execute.separate import run_separate
from neuralib.execute.sink import FolderSink
from neuralib.execute.source import Source
from neuralib.execute.turn import Turn
from neuralib.progress import Progress
from neuralib.tasks import SeparateTask
from tests.audio_files import noise, write_wav
from tests.execute.engines import Gains


class Counting(Gains):
    """Counts how many runs are inside it at once."""

    def __init__(self) -> None:
        super().__init__(drums=0.5, rest=0.5)
        self.inside = self.most = 0

    def separate(self, *args: Any, **options: Any) -> Generator[NDArray[np.float32], None, None]:
        self.inside += 1
        self.most = max(self.most, self.inside)
        try:
            yield from super().separate(*args, **options)
        finally:
            self.inside -= 1
            assert self.turn.locked()


def test_one_computes_while_the_other_reads(tmp_path: Path) -> None:
    engine = Counting()
    computing, read = threading.Event(), threading.Event()
    turns = [Turn(engine.turn), Turn(engine.turn)]

    def first(progress: Progress) -> None:
        if progress.stage == "run":
            computing.set()
            assert read.wait(60), "the other run waited for its turn to read"

    def second(progress: Progress) -> None:
        assert computing.wait(60)
        if progress.stage == "measure":
            read.set()

    def run(number: int) -> None:
        song = write_wav(tmp_path / f"{number}.wav", noise(44100, seed=number))
        report = (first, second)[number]
        with FolderSink(tmp_path / "out" / str(number)) as sink:
            run_separate(SeparateTask(), Source(song, "song"), sink, report, engine, turns[number])

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(run, range(2)))
    assert engine.most == 1
    assert not engine.turn.locked()


def test_what_a_run_waits_is_counted() -> None:
    lock = threading.Lock()
    lock.acquire()
    threading.Timer(0.1, lock.release).start()
    turn = Turn(lock)
    with turn.taken():
        waited_seconds = turn.waited_seconds
    assert 0.01 < waited_seconds == turn.waited_seconds


def test_what_fails_computes_no_longer_in_the_turn_of_others(tmp_path: Path) -> None:
    engine = Counting()
    song = write_wav(tmp_path / "song.wav", noise(44100 * 30))

    def report(progress: Progress) -> None:
        if progress.stage == "run" and progress.done_seconds:
            raise Cancelled("enough")

    with pytest.raises(Cancelled) as caught, FolderSink(tmp_path / "out") as sink:
        run_separate(SeparateTask(), Source(song, "song"), sink, report, engine, Turn(engine.turn))
    assert caught.tb, "it keeps what ran"
    assert (engine.most, engine.inside) == (1, 0)
