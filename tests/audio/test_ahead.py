from __future__ import annotations

import threading
from collections.abc import Iterator

import numpy as np
import pytest

from neuralib.audio.ahead import ahead
from neuralib.audio.block import Block
from neuralib.errors import DecodeError


def block(value: float) -> Block:
    return np.full((2, 3), value, np.float32)


def test_passes_all_on_in_order() -> None:
    assert [each[0, 0] for each in ahead(map(block, range(20)))] == list(range(20))
    assert list(ahead([])) == []


def test_the_next_block_is_made_in_another_thread_and_no_more() -> None:
    made = threading.Semaphore(0)
    threads = set()

    def blocks() -> Iterator[Block]:
        for number in range(10):
            threads.add(threading.current_thread())
            made.release()
            yield block(number)

    taken = ahead(blocks())
    next(taken)
    for _ in range(2):
        made.acquire()  # waits for ever where the second is not made while the first is used
    taken.close()
    assert not made.acquire(blocking=False)
    assert threading.current_thread() not in threads


def test_what_goes_wrong_is_raised_in_its_place() -> None:
    def blocks() -> Iterator[Block]:
        yield block(1.0)
        raise DecodeError("broken off")

    taken = ahead(blocks())
    assert next(taken)[0, 0] == 1.0
    with pytest.raises(DecodeError, match="broken off"):
        next(taken)


def test_letting_go_ends_the_thread() -> None:
    before = threading.active_count()
    taken = ahead(map(block, range(10)))
    next(taken)
    assert threading.active_count() > before
    taken.close()
    assert threading.active_count() == before
