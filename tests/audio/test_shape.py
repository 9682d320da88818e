from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neuralib.audio.shape import fold, read, stereo_gains
from neuralib.errors import UsageError
from tests.audio.splits import cuts, join, split
from tests.audio_files import noise, tone, write_wav

HALF_POWER = float(np.sqrt(0.5))
BOTH = (HALF_POWER, HALF_POWER)
LEFT, RIGHT = (HALF_POWER, 0.0), (0.0, HALF_POWER)
FRONT = [(1.0, 0.0), (0.0, 1.0)]
NOTHING = (0.0, 0.0)

LAYOUTS = {
    "3.0": (("FL", "FR", "FC"), [*FRONT, BOTH]),
    "quad": (("FL", "FR", "BL", "BR"), [*FRONT, LEFT, RIGHT]),
    "4.0": (("FL", "FR", "FC", "BC"), [*FRONT, BOTH, BOTH]),
    "5.0": (("FL", "FR", "FC", "BL", "BR"), [*FRONT, BOTH, LEFT, RIGHT]),
    "5.1": (("FL", "FR", "FC", "LFE", "BL", "BR"), [*FRONT, BOTH, NOTHING, LEFT, RIGHT]),
    "5.1(side)": (("FL", "FR", "FC", "LFE", "SL", "SR"), [*FRONT, BOTH, NOTHING, LEFT, RIGHT]),
    "7.1": (
        ("FL", "FR", "FC", "LFE", "BL", "BR", "SL", "SR"),
        [*FRONT, BOTH, NOTHING, LEFT, RIGHT, LEFT, RIGHT],
    ),
    "7.1(wide)": (
        ("FL", "FR", "FC", "LFE", "FLC", "FRC", "SL", "SR"),
        [*FRONT, BOTH, NOTHING, LEFT, RIGHT, LEFT, RIGHT],
    ),
    "5.1.2": (
        ("FL", "FR", "FC", "LFE", "SL", "SR", "TFL", "TFR"),
        [*FRONT, BOTH, NOTHING, LEFT, RIGHT, LEFT, RIGHT],
    ),
    "six without positions": (("",) * 6, [*FRONT, BOTH, NOTHING, LEFT, RIGHT]),
    "four without positions": (("",) * 4, [(0.25, 0.25)] * 4),
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_surround_becomes_stereo_as_bs775_says(name: str) -> None:
    layout, gains = LAYOUTS[name]
    assert np.allclose(stereo_gains(layout), gains)
    samples = noise(50, channels=len(layout))
    stereo = join(fold([samples], layout, 2), 2)
    assert np.allclose(stereo, np.asarray(gains).T @ samples, atol=1e-6)


def test_the_centre_of_the_film_stays_loud() -> None:
    samples = np.zeros((6, 10), np.float32)
    samples[:2] = 1.0
    samples[2] = 1.0
    stereo = join(fold([samples], LAYOUTS["5.1"][0], 2), 2)
    assert np.allclose(stereo, 1 + HALF_POWER)  # nothing is scaled down


def test_mono_is_the_mean_of_stereo() -> None:
    samples = noise(50)
    assert np.allclose(join(fold([samples], ("FL", "FR"), 1), 1)[0], samples.mean(0))
    surround = noise(50, channels=6)
    layout = LAYOUTS["5.1"][0]
    stereo = join(fold([surround], layout, 2), 2)
    assert np.allclose(join(fold([surround], layout, 1), 1)[0], stereo.mean(0))


def test_mono_is_copied() -> None:
    samples = noise(50, channels=1)
    assert np.array_equal(join(fold([samples], ("FC",), 2), 2), samples[[0, 0]])


def test_the_same_number_passes_untouched() -> None:
    samples = noise(50, channels=6)
    assert next(fold([samples], LAYOUTS["5.1"][0], 6)) is samples


def test_other_numbers_are_refused() -> None:
    with pytest.raises(UsageError, match="got 2 channels where the model takes 6"):
        fold([noise(5)], ("FL", "FR"), 6)


@given(lengths=cuts, channels=st.integers(1, 2), name=st.sampled_from(sorted(LAYOUTS)))
@settings(deadline=None, max_examples=40)
def test_the_blocks_do_not_matter(lengths: list[int], channels: int, name: str) -> None:
    layout = LAYOUTS[name][0]
    samples = noise(4000, channels=len(layout))
    whole = join(fold([samples], layout, channels), channels)
    parts = join(fold(split(samples, lengths), layout, channels), channels)
    assert np.array_equal(parts, whole)


@pytest.mark.parametrize(("rate", "channels"), [(8000, 1), (44100, 2), (192000, 2), (48000, 6)])
@pytest.mark.parametrize(("wanted_rate", "wanted_channels"), [(44100, 2), (16000, 1)])
def test_read_brings_any_file_into_shape(
    tmp_path: Path, rate: int, channels: int, wanted_rate: int, wanted_channels: int
) -> None:
    samples = tone(0.5, rate=rate, channels=channels)
    path = write_wav(tmp_path / "song.wav", samples, rate, "f32")
    out = join(read(path, wanted_rate, wanted_channels), wanted_channels)
    assert out.shape == (wanted_channels, wanted_rate // 2)
    # The first channel's tone is there, at its pitch, and as loud as any other.
    spectrum = np.abs(np.fft.rfft(out[0]))
    assert spectrum[440 // 2] > 0.5 * spectrum.max()
