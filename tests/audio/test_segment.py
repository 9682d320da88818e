"""Segments cut as demucs cuts them, whatever the blocks."""

import numpy as np
import pytest
import torch
from demucs.apply import TensorChunk
from hypothesis import given
from hypothesis import strategies as st

from neuralib.audio.overlap_add import OverlapAdd
from neuralib.audio.segment import Segmenter
from neuralib.audio.stream_sum import StreamSum

PADDINGS = {
    "none": lambda length: lambda frames: frames,
    "to a full segment": lambda length: lambda frames: length,
    "to a multiple of 7, and 5 more": lambda length: lambda frames: -(-frames // 7) * 7 + 5,
}


@st.composite
def cuttings(draw):
    length = draw(st.integers(1, 40))
    stride = draw(st.integers(1, length))
    padding = draw(st.sampled_from(list(PADDINGS)))
    frames = draw(st.integers(0, 200))
    cuts = sorted(draw(st.lists(st.integers(0, frames), max_size=12)))
    return length, stride, PADDINGS[padding](length), frames, cuts


def cut(stream, cuts):
    return np.split(stream, cuts, axis=-1)


def segments_of(stream, segmenter, cuts=()):
    found = [segment for block in cut(stream, cuts) for segment in segmenter.push(block)]
    return [*found, *segmenter.finish()]


def make_stream(frames, channels=2):
    return np.random.default_rng(frames).standard_normal((channels, frames)).astype(np.float32)


@given(cuttings())
def test_segments_are_those_of_demucs(cutting):
    length, stride, padded_length, frames, cuts = cutting
    stream = make_stream(frames)
    segments = segments_of(stream, Segmenter(2, length, stride, padded_length), cuts)
    assert [segment.offset for segment in segments] == list(range(0, frames, stride))
    for segment in segments:
        chunk = TensorChunk(torch.from_numpy(stream), segment.offset, length)
        assert segment.frames == chunk.length
        np.testing.assert_array_equal(
            segment.samples, chunk.padded(padded_length(chunk.length)).numpy()
        )


@given(cuttings())
def test_a_model_that_changes_nothing_gives_the_stream_back(cutting):
    length, stride, padded_length, frames, cuts = cutting
    stream = make_stream(frames)
    segmenter = Segmenter(2, length, stride, padded_length)
    joined = OverlapAdd((2,), length, stride)
    parts = [joined.add(each.trim(each.samples)) for each in segments_of(stream, segmenter, cuts)]
    output = np.concatenate([stream[:, :0], *parts], axis=-1)
    assert output.shape == stream.shape
    np.testing.assert_allclose(output, stream, atol=1e-5)


def test_a_segment_is_delivered_as_soon_as_its_surroundings_are_known():
    segmenter = Segmenter(1, 4, 4, lambda frames: frames + 2)
    assert list(segmenter.push(np.ones((1, 4), np.float32))) == []
    (segment,) = segmenter.push(np.ones((1, 1), np.float32))
    np.testing.assert_array_equal(segment.samples, [[0, 1, 1, 1, 1, 1]])


@pytest.mark.parametrize("stride", [0, -1, 11])
def test_an_impossible_stride_is_refused(stride):
    with pytest.raises(ValueError, match=f"stride is {stride} frames; it must be from 1 to 10"):
        Segmenter(2, 10, stride)


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 9)), max_size=30))
def test_streams_add_up_whatever_their_pace(deliveries):
    streams = np.random.default_rng(1).standard_normal((3, 2, 300)).astype(np.float32)
    total = StreamSum(3, (2,))
    delivered = [0, 0, 0]
    parts = [np.zeros((2, 0), np.float32)]
    for index, frames in deliveries:
        start, delivered[index] = delivered[index], delivered[index] + frames
        parts.append(total.add(index, streams[index, :, start : delivered[index]]))
    output = np.concatenate(parts, axis=-1)
    complete = min(delivered)
    np.testing.assert_allclose(output, streams[:, :, :complete].sum(axis=0), atol=1e-5)
