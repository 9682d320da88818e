"""Lanes: where a recording is cut, and threads that compute together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from threading import Event, Thread

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuralib.engines.whisper.cuts import lanes
from neuralib.engines.whisper.meeting import Call, Ended, Meeting


def levels(frames: int) -> np.ndarray:
    return np.random.default_rng(frames).uniform(0.5, 1.5, (2, frames)).astype(np.float32)


@given(frames=st.integers(0, 200_000), most=st.integers(1, 8))
def test_lanes_join_and_are_whole_windows_at_most(frames: int, most: int) -> None:
    found = lanes(levels(frames), frames, most)
    assert 1 <= len(found) <= most
    assert [found[0][0], found[-1][1]] == [0, frames]
    assert all(before[1] == after[0] for before, after in pairwise(found))
    assert all(before < after for before, after in found) or frames == 0


def test_short_recordings_are_one_lane() -> None:
    assert lanes(levels(6000), 6000, 8) == [(0, 6000)]


def test_cuts_are_made_at_pauses() -> None:
    features = levels(12_000)
    features[:, 5400:5410] = -1.0  # too short for a pause
    features[:, 5100:5160] = -1.0
    features[:, 10_700:10_745] = -1.0
    (_, first), (_, second), (_, end) = lanes(features, 12_000, 8)
    assert (5130 <= first <= 5160, 10_730 <= second <= 10_745, end) == (True, True, 12_000)


def run(meeting: Meeting, plans: Sequence[Sequence[int]]) -> list[list[int]]:
    results: list[list[int]] = [[] for _ in plans]

    def work(number: int) -> None:
        try:
            for value in plans[number]:
                results[number].append(meeting.call("double", value))
        except Ended:
            results[number].append(-1)
        finally:
            meeting.leave()

    threads = [Thread(target=work, args=(number,)) for number in range(len(plans))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def test_calls_are_answered_together() -> None:
    batches = []

    def answer(calls: Sequence[Call], check: Callable[[], None]) -> None:
        batches.append(sorted(call.arguments[0] for call in calls))
        for call in calls:
            call.result = 2 * call.arguments[0]

    found = run(Meeting(3, answer), [[1, 2, 3], [4, 5], [6]])
    assert found == [[2, 4, 6], [8, 10], [12]]
    assert batches == [[1, 4, 6], [2, 5], [3]]


def test_an_end_sends_all_home() -> None:
    def answer(calls: Sequence[Call], check: Callable[[], None]) -> None:
        meeting.end()
        check()

    meeting = Meeting(2, answer)
    assert run(meeting, [[1], [2]]) == [[-1], [-1]]


def test_an_end_stops_what_computes() -> None:
    """The thread that answers keeps all others waiting, also the one that ends the meeting."""
    begun, stopped = Event(), Event()

    def answer(calls: Sequence[Call], check: Callable[[], None]) -> None:
        begun.set()
        assert stopped.wait(60)
        check()

    meeting = Meeting(1, answer)
    results: list[list[list[int]]] = []
    thread = Thread(target=lambda: results.append(run(meeting, [[1]])))
    thread.start()
    begun.wait()
    meeting.end(stopped.set)
    thread.join()
    assert results == [[[-1]]]


def test_a_failure_is_raised_in_every_thread() -> None:
    def answer(calls: Sequence[Call], check: Callable[[], None]) -> None:
        raise ValueError("no")

    meeting = Meeting(1, answer)
    with pytest.raises(ValueError, match="no"):
        meeting.call("anything")
