"""Noise, hum and clicks say nothing, whatever the model would make up; voices are always heard."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from neuralib.engines.base import Recogniser
from neuralib.engines.whisper.faster_whisper import FasterWhisper
from neuralib.engines.whisper.openai_whisper import OpenAIWhisper
from neuralib.engines.whisper.steady import is_steady
from neuralib.progress import silent
from neuralib.tasks import TranscribeTask

Samples = NDArray[np.float32]
GREEDY = TranscribeTask(temperature=(0.0,), beam_size=1)
RATE = 16_000


def noise(seconds: float, slope: float = 0.0) -> Samples:
    """Noise whose amplitude falls with the frequency to the power of `slope`."""
    count = round(seconds * RATE)
    spectrum = np.fft.rfft(np.random.default_rng(1).standard_normal(count))
    spectrum *= np.maximum(np.fft.rfftfreq(count, 1 / RATE), 20.0) ** -slope
    samples = np.fft.irfft(spectrum, count)
    return (0.1 * samples / samples.std()).astype(np.float32)


def hum(seconds: float, hertz: float) -> Samples:
    time = np.arange(round(seconds * RATE)) / RATE
    waves = [np.sin(2 * np.pi * hertz * number * time) / number for number in range(1, 9)]
    return (0.1 * np.sum(waves, axis=0)).astype(np.float32)


def clicks(seconds: float, a_second: float) -> Samples:
    samples = np.zeros(round(seconds * RATE), np.float32)
    for start in np.arange(100, samples.size - 80, RATE / a_second).astype(int):
        samples[start : start + 80] = noise(0.005) * 4
    return samples


STEADY = {
    "white": lambda seconds: noise(seconds),
    "pink": lambda seconds: noise(seconds, 0.5),
    "brown": lambda seconds: noise(seconds, 1.0),
    "hum 50": lambda seconds: hum(seconds, 50.0),
    "hum 60 in noise": lambda seconds: hum(seconds, 60.0) + noise(seconds) / 20,
    "tone": lambda seconds: hum(seconds, 1234.5),
    "clicks": lambda seconds: clicks(seconds, 2.0),
    "fast clicks": lambda seconds: clicks(seconds, 7.3),
    "clicks in noise": lambda seconds: clicks(seconds, 2.0) + noise(seconds) / 100,
    "constant": lambda seconds: np.full(round(seconds * RATE), 0.25, np.float32),
}


@pytest.mark.parametrize("seconds", [0.6, 3.0, 40.0, 130.0])
@pytest.mark.parametrize("kind", STEADY)
def test_what_nobody_says_is_steady(kind: str, seconds: float) -> None:
    assert is_steady(STEADY[kind](seconds))


@pytest.mark.parametrize("kind", ["white", "hum 50", "clicks"])
def test_noise_hum_and_clicks_have_an_empty_transcript(
    faster: FasterWhisper, reference: OpenAIWhisper, kind: str
) -> None:
    """A model with random weights says something about anything that it is asked about."""
    engines: tuple[Recogniser, ...] = (faster, reference)
    for engine in engines:
        transcript = engine.transcribe(STEADY[kind](5.0), GREEDY, silent)
        assert (transcript.language, transcript.segments) == ("und", ())


@pytest.mark.parametrize("slope", [0.0, 0.5])
@pytest.mark.parametrize("louder_db", [-30.0, 0.0, 5.0])
def test_a_voice_in_noise_is_heard(voice: Samples, slope: float, louder_db: float) -> None:
    level = np.sqrt(np.mean(voice[: 2 * RATE] ** 2)) * 10 ** (louder_db / 20)
    assert not is_steady(voice + noise(6.0, slope) * np.float32(10 * level))


@pytest.mark.parametrize("seconds", [0.5, 1.0, 6.0])
def test_a_voice_is_heard_however_short(voice: Samples, seconds: float) -> None:
    assert not is_steady(voice[: round(seconds * RATE)])


def test_a_voice_after_minutes_of_noise_is_heard(voice: Samples) -> None:
    samples = noise(180.0)
    samples[-voice.size :] += voice
    assert not is_steady(samples)


def test_a_sung_note_is_heard() -> None:
    """A voice that holds one note from the first sample to the last still breathes once."""
    note = hum(4.0, 220.0)
    note[30_000:40_000] *= 0.05
    assert not is_steady(note)
