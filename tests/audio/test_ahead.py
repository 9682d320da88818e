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
    for _ in range(4):
        next(taken)
    assert threads == {threading.current_thread()}
    next(taken)
    for _ in range(6):
        made.acquire()  # waits for ever where the sixth is not made while the fifth is used
    taken.close()
    assert not made.acquire(blocking=False)
    assert len(threads) == 2


@pytest.mark.parametrize("count", [0, 1, 3])
def test_a_clip_starts_no_thread(count: int) -> None:
    threads = set()

    class Blocks:
        left = count

        def __iter__(self) -> Iterator[Block]:
            return self

        def __next__(self) -> Block:
            threads.add(threading.current_thread())
            if not self.left:
                raise StopIteration
            self.left -= 1
            return block(self.left)

    assert len(list(ahead(Blocks()))) == count
    assert threads == {threading.current_thread()}


@pytest.mark.parametrize("before", [1, 7])
def test_what_goes_wrong_is_raised_in_its_place(before: int) -> None:
    def blocks() -> Iterator[Block]:
        yield from map(block, range(before))
        raise DecodeError("broken off")

    taken = ahead(blocks())
    assert [next(taken)[0, 0] for _ in range(before)] == list(range(before))
    with pytest.raises(DecodeError, match="broken off"):
        next(taken)


def test_letting_go_ends_the_thread() -> None:
    before = threading.active_count()
    taken = ahead(map(block, range(10)))
    for _ in range(5):
        next(taken)
    assert threading.active_count() > before
    taken.close()
    assert threading.active_count() == before
