from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from neuralib.audio.reblock import reblock
from tests.audio.splits import cuts, join, split
from tests.audio_files import noise


@given(frames=st.integers(0, 5000), lengths=cuts, size=st.integers(1, 700))
@settings(deadline=None, max_examples=50)
def test_every_block_is_full_but_the_last(frames: int, lengths: list[int], size: int) -> None:
    samples = noise(frames)
    blocks = list(reblock(split(samples, lengths), size))
    assert [block.shape[1] for block in blocks[:-1]] == [size] * (len(blocks) - 1)
    assert all(0 < block.shape[1] <= size and block.flags.c_contiguous for block in blocks)
    assert np.array_equal(join(blocks, 2), samples)


def test_blocks_do_not_share_memory() -> None:
    first, second = reblock([noise(20)], 10)
    kept = first.copy()
    second[:] = 0
    assert np.array_equal(first, kept)
