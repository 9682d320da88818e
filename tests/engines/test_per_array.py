"""What is remembered about an array goes with it."""

from __future__ import annotations

import gc
import weakref

import numpy as np

from neuralib.engines.per_array import Samples, per_array


def test_each_array_and_each_option_is_computed_once() -> None:
    calls: list[tuple[float, int]] = []

    @per_array
    def scaled(array: Samples, gain: int = 1) -> Samples:
        calls.append((float(array[0]), gain))
        return array * gain

    first, same = np.ones(3, np.float32), np.ones(3, np.float32)
    assert scaled(first) is scaled(first)
    assert scaled(same) is not scaled(first)
    assert scaled(first, gain=2) is scaled(first, gain=2)
    assert calls == [(1.0, 1), (1.0, 1), (1.0, 2)]


def test_a_new_array_in_the_place_of_an_old_one_is_another() -> None:
    @per_array
    def first(array: Samples) -> float:
        return float(array[0])

    for value in range(100):  # most of these get the address of the one before
        assert first(np.full(1000, value, np.float32)) == value


def test_nothing_is_kept_once_the_array_is_gone() -> None:
    @per_array
    def twice(array: Samples) -> Samples:
        return array * 2

    array = np.ones(3, np.float32)
    result = weakref.ref(twice(array))
    assert result() is not None
    del array
    gc.collect()
    assert result() is None
