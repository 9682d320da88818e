"""Overlap-add with demucs' weights."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from neuralib.audio.overlap_add import OverlapAdd, triangle


def test_the_window_rises_to_the_middle_and_falls_again():
    np.testing.assert_allclose(triangle(6), np.array([1, 2, 3, 3, 2, 1]) / 3)
    np.testing.assert_allclose(triangle(5), np.array([1, 2, 3, 2, 1]) / 3)
    np.testing.assert_allclose(triangle(1), [1])


@given(st.integers(1, 30), st.integers(1, 100), st.data())
def test_overlapping_segments_are_averaged_by_the_window(length, frames, data):
    stride = data.draw(st.integers(1, length))
    offsets = range(0, frames, stride)
    random = np.random.default_rng(frames)
    segments = [
        random.standard_normal((3, min(length, frames - offset))).astype(np.float32)
        for offset in offsets
    ]
    total, weight = np.zeros((3, frames)), np.zeros(frames)
    for offset, segment in zip(offsets, segments, strict=True):
        window = triangle(length)[: segment.shape[-1]]
        total[:, offset : offset + length] += window * segment
        weight[offset : offset + length] += window
    joined = OverlapAdd((3,), length, stride)
    output = np.concatenate([joined.add(segment) for segment in segments], axis=-1)
    assert output.dtype == np.float32
    np.testing.assert_allclose(output, total / weight, atol=1e-4)


def test_frames_are_given_out_when_no_later_segment_touches_them():
    joined = OverlapAdd((1,), 8, 6)
    assert joined.add(np.ones((1, 8), np.float32)).shape == (1, 6)
    assert joined.add(np.ones((1, 3), np.float32)).shape == (1, 3)
