"""The spectrogram in pieces is the spectrogram in one."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
import whisper
from faster_whisper.feature_extractor import FeatureExtractor

from neuralib.engines.whisper.log_mel import BlockwiseLogMel


def noise(samples: int) -> np.ndarray:
    rng = np.random.default_rng(samples)
    return (rng.standard_normal(samples) * rng.uniform(0.001, 0.5)).astype(np.float32)


@pytest.mark.parametrize("bands", [80, 128])
@pytest.mark.parametrize("samples", [1600, 1601, 16_000, 479_840, 480_000, 480_001, 1_000_017])
def test_equals_faster_whisper(samples: int, bands: int) -> None:
    extractor = FeatureExtractor(feature_size=bands)
    expected = extractor(noise(samples))
    found = BlockwiseLogMel(extractor)(noise(samples))
    assert found.dtype == np.float32
    assert found.shape == expected.shape == (bands, (samples + 160) // 160)
    np.testing.assert_allclose(found, expected, atol=2e-6)


@pytest.mark.parametrize("samples", [0, 1, 100])
def test_next_to_nothing_has_one_frame(samples: int) -> None:
    found = BlockwiseLogMel(FeatureExtractor())(noise(samples))
    assert found.shape == (80, 1)
    assert np.isfinite(found).all()


def test_equals_openai_whisper() -> None:
    found = BlockwiseLogMel(FeatureExtractor())(noise(80_000))
    expected = whisper.log_mel_spectrogram(noise(80_000), 80, padding=480_000).numpy()
    np.testing.assert_allclose(found[:, :500], expected[:, :500], atol=1e-4)


def test_the_same_samples_are_transformed_once() -> None:
    extractor = BlockwiseLogMel(FeatureExtractor())
    samples = noise(16_000)
    assert extractor(samples) is extractor(samples)
    assert extractor(samples.copy()) is not extractor(samples)


def test_memory_is_that_of_a_piece() -> None:
    samples = noise(10 * 60 * 16_000)
    extractor = BlockwiseLogMel(FeatureExtractor())
    tracemalloc.start()
    result = extractor(samples)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # The magnitudes of one piece; the result is 19 MB, a transform of the whole takes 200 MB more.
    assert result.shape == (80, 60_001)
    assert peak < 40e6
