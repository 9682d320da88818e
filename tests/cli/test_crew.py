"""Threads that go through a list: in order for whoever listens, and gone when it ends."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import pytest

from neuralib.audio.encode import open_writer
from neuralib.cli.batch.crew import Crew
from neuralib.errors import Cancelled, DeviceMissing
from neuralib.progress import Progress, silent
from tests.audio_files import noise


def flat(crew: Crew[int, int]) -> list[int]:
    return [outcome for group in crew.outcomes() for outcome in group]


@pytest.mark.parametrize("hands", [1, 3, 50])
def test_outcomes_come_in_the_order_of_the_items(hands: int) -> None:
    def work(number: int, item: int) -> int:
        time.sleep(0.002 * (item % 3))
        return number * item

    with Crew(hands, range(20), work) as crew:
        assert flat(crew) == [number * number for number in range(20)]


def test_as_many_items_are_worked_on_as_there_are_hands() -> None:
    meet = threading.Barrier(3, timeout=60)  # which opens for three at once only
    with Crew(3, range(6), lambda number, item: meet.wait() and 0) as crew:
        assert flat(crew) == [0] * 6


def test_what_waits_for_its_turn_to_be_told_comes_at_once() -> None:
    last_is_done = threading.Event()

    def work(number: int, item: int) -> int:
        if number == 0:
            assert last_is_done.wait(60)
        if number == 9:
            last_is_done.set()
        return item

    with Crew(2, range(10), work) as crew:
        first = next(crew.outcomes())
    assert first[:9] == list(range(9))


def test_short_items_are_told_a_few_times_a_second() -> None:
    def work(number: int, item: int) -> int:
        time.sleep(0.002)
        return item

    started = time.monotonic()
    with Crew(2, range(200), work) as crew:
        groups = list(crew.outcomes())
    assert len(groups) <= (time.monotonic() - started) / 0.1 + 1
    assert [outcome for group in groups for outcome in group] == list(range(200))


def test_an_error_comes_in_its_place_and_ends_the_work() -> None:
    begun: list[int] = []

    def work(number: int, item: int) -> int:
        begun.append(number)
        if number == 3:
            raise DeviceMissing("no memory")
        return item

    with Crew(1, range(100), work) as crew:
        outcomes = (outcome for group in crew.outcomes() for outcome in group)
        assert list(islice(outcomes, 3)) == [0, 1, 2]
        with pytest.raises(DeviceMissing, match="no memory"):
            next(outcomes)
    assert begun == [0, 1, 2, 3]


def busy(cleaned: list[int]) -> Callable[[int, int], int]:
    def work(number: int, item: int) -> int:
        try:
            while item:  # the first one is done at once, the others never
                time.sleep(0.001)
        finally:
            if item:
                cleaned.append(number)
        return item

    return work


def test_an_interrupt_reaches_all_and_lets_them_clean_up() -> None:
    cleaned: list[int] = []
    before = threading.active_count()
    with Crew(3, range(50), busy(cleaned)) as crew:
        assert next(crew.outcomes())[0] == 0
        while threading.active_count() < before + 3:
            time.sleep(0.001)
    assert threading.active_count() == before
    assert 0 < len(cleaned) <= 3


def test_a_run_that_missed_the_interrupt_ends_with_its_next_report() -> None:
    with Crew(1, range(1), lambda number, item: item) as crew:
        report = crew.watched(silent)
        report(Progress("run"))
    with pytest.raises(Cancelled):
        report(Progress("run"))


def test_an_interrupt_while_ffmpeg_writes_is_not_printed(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """It may be raised in what FFmpeg calls to write, which cannot pass it on."""
    block = noise(4_410)

    def work(number: int, item: int) -> int:
        report = crew.watched(silent)
        path = tmp_path / f"{number}.wav"
        with open_writer(path, format="wav", sample_rate=44_100, channels=2) as writer:
            while True:
                writer.write(block)
                report(Progress("run"))

    for _ in range(15):
        with Crew(2, range(2), work) as crew:
            for thread in crew._threads:
                thread.start()
            time.sleep(0.03)
    assert capfd.readouterr().err == ""
