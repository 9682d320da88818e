from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuralib.audio.pcm import to_integers

SHIFT = {16: 0, 24: 8}


@pytest.mark.parametrize("bits", [16, 24])
@given(data=st.data())
def test_integers_come_back_as_they_were(bits: int, data: st.DataObject) -> None:
    limit = 2 ** (bits - 1)
    integers = np.array(data.draw(st.lists(st.integers(-limit, limit - 1), min_size=1)))
    block = (integers / limit).astype(np.float32)
    result, clipped = to_integers(block, bits)
    assert np.array_equal(result >> SHIFT[bits], integers)
    assert clipped == 0


@pytest.mark.parametrize("bits", [16, 24])
def test_rounds_to_nearest_and_clips(bits: int) -> None:
    step, top = 2.0 ** (1 - bits), 2 ** (bits - 1) - 1
    block = np.array([0.4 * step, 0.6 * step, -0.6 * step, 1.0, 1.5, -1.0, -1.5], np.float32)
    result, clipped = to_integers(block, bits)
    assert list(result >> SHIFT[bits]) == [0, 1, -1, top, top, -top - 1, -top - 1]
    assert clipped == 2
