from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler

from neuralib.audio.frame import block_of

LAYOUTS = {1: "mono", 2: "stereo", 6: "5.1", 8: "7.1"}
RANGES = {"s16": (np.int16, -(2**15), 2**15), "s32": (np.int32, -(2**31), 2**31)}
FRAMES = 1153


def frame_of(name: str, channels: int) -> AudioFrame:
    """Any samples at all, with both ends of the range."""
    packed = name.removesuffix("p")
    random = np.random.default_rng(0)
    samples: Any
    if packed in RANGES:
        kind, low, high = RANGES[packed]
        samples = random.integers(low, high, (channels, FRAMES), kind)
        samples[:, :2] = low, high - 1
    else:
        samples = random.standard_normal((channels, FRAMES)).astype(np.float32)
    if name == packed:
        samples = samples.T.reshape(1, -1)
    frame = AudioFrame.from_ndarray(
        np.ascontiguousarray(samples), format=name, layout=LAYOUTS[channels]
    )
    frame.sample_rate = 44100
    return frame


@pytest.mark.parametrize("name", ["s16", "s16p", "s32", "s32p", "flt", "fltp"])
@pytest.mark.parametrize("channels", [1, 2, 6])
def test_gives_the_same_numbers_as_ffmpeg(name: str, channels: int) -> None:
    frame = frame_of(name, channels)
    block = block_of(frame)
    (converted,) = AudioResampler("flt", LAYOUTS[channels], 44100).resample(frame)
    assert block is not None
    assert block.dtype == np.float32
    assert block.flags.c_contiguous
    np.testing.assert_array_equal(block, converted.to_ndarray().reshape(FRAMES, channels).T)


def test_leaves_what_it_does_not_know_to_ffmpeg() -> None:
    unsigned = AudioFrame.from_ndarray(np.zeros((1, 10), np.uint8), format="u8", layout="mono")
    assert block_of(unsigned) is None


def test_leaves_planes_to_ffmpeg_that_pyav_reads_past_its_table() -> None:
    frame = AudioFrame(format="fltp", layout="7.1", samples=10)
    assert block_of(frame) is None
    packed = frame_of("flt", 8)
    block = block_of(packed)
    assert block is not None
    assert block.shape == (8, FRAMES)
