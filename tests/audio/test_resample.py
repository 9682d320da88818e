from __future__ import annotations

import numpy as np
import pytest
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st

from neuralib.audio.resample import resample
from tests.audio.splits import cuts, join, split
from tests.audio_files import click, noise, tone

RATES = (8000, 11025, 16000, 22050, 32000, 44056, 44100, 48000, 88200, 96000, 192000)
PAIRS = [(source, target) for source in RATES for target in (16000, 22050, 44100, 48000)]


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_length_is_exact(source: int, target: int) -> None:
    for frames in (0, 1, 2, 3, 100, 441, 9999):
        samples = noise(frames)
        length = join(resample([samples], source, target), 2).shape[1]
        assert length == max(int(np.floor(frames * target / source + 0.5)), min(frames, 1))


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_an_impulse_stays_where_it_was(source: int, target: int) -> None:
    at = 4321
    out = join(resample([click(10_000, at, channels=1)], source, target), 1)[0].astype(np.float64)
    # The place of a band-limited impulse, finer than a sample: the slope of its phase.
    spectrum = np.fft.rfft(out)[1 : int(len(out) * min(source, target) / target / 4)]
    turns = np.arange(1, len(spectrum) + 1) / len(out)
    slope = np.polyfit(turns, np.unwrap(np.angle(spectrum)), 1)[0]
    assert -slope / (2 * np.pi) == pytest.approx(at * target / source, abs=1e-3)


@given(lengths=cuts, pair=st.sampled_from(PAIRS))
@settings(deadline=None, max_examples=40)
def test_the_blocks_do_not_matter(lengths: list[int], pair: tuple[int, int]) -> None:
    samples = noise(5000)
    whole = join(resample([samples], *pair), 2)
    assert np.array_equal(join(resample(split(samples, lengths), *pair), 2), whole)


def test_equals_librosas_default() -> None:
    samples = noise(44100, channels=1)
    expected = soxr.resample(samples[0], 44100, 22050, quality="HQ")
    assert np.allclose(join(resample([samples], 44100, 22050), 1)[0], expected, atol=1e-6)


def test_a_tone_comes_back() -> None:
    samples = tone(1.0, rate=44100)
    there = list(resample([samples], 44100, 48000))
    back = join(resample(there, 48000, 44100), 2)
    middle = slice(4410, -4410)
    assert np.abs(back - samples)[:, middle].max() < 1e-5


def test_equal_rates_pass_untouched() -> None:
    samples = noise(10)
    assert next(resample([samples], 8000, 8000)) is samples


def test_no_block_is_empty() -> None:
    blocks = resample(split(noise(2000), [1] * 50), 44100, 16000)
    assert all(block.shape[1] for block in blocks)
