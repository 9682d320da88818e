from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from neuralib.audio.measure import measure
from tests.audio.splits import cuts, split
from tests.audio_files import noise


@given(frames=st.integers(2, 4000), lengths=cuts, offset=st.sampled_from([0.0, 0.3, 1000.0]))
@settings(deadline=None, max_examples=50)
def test_equals_two_passes_in_float64(frames: int, lengths: list[int], offset: float) -> None:
    samples = noise(frames) + np.float32(offset)
    mono = samples.astype(np.float64).mean(0)
    measured = measure(split(samples, lengths))
    assert measured.frames == frames
    assert measured.mean == pytest.approx(mono.mean(), rel=1e-12, abs=1e-15)
    assert measured.std == pytest.approx(mono.std(ddof=1), rel=1e-9)


def test_equals_torch() -> None:
    samples = noise(44100, seed=3)
    mono = torch.from_numpy(samples).mean(0)
    measured = measure([samples])
    assert measured.mean == pytest.approx(mono.mean().item(), abs=1e-7)
    assert measured.std == pytest.approx(mono.std().item(), rel=1e-6)


def test_an_hour_far_from_zero_keeps_its_deviation() -> None:
    # A running sum of squares in float64 would lose most digits here.
    block = noise(60_000, amplitude=1e-4) + np.float32(1.0)
    measured = measure(block for _ in range(100))
    assert measured.std == pytest.approx(block.astype(np.float64).mean(0).std(), rel=1e-6)


@pytest.mark.parametrize("frames", [0, 1])
def test_too_short_to_deviate(frames: int) -> None:
    measured = measure([np.full((2, frames), 0.25, np.float32)])
    assert (measured.frames, measured.mean, measured.std) == (frames, 0.25 * frames, 0.0)
