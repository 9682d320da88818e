"""The micro Whisper hears the demo song's words, through openai-whisper's own code."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import whisper
from numpy.typing import NDArray
from whisper.audio import SAMPLE_RATE

from neuralib.engines.whisper.quiet import whisper_quiet
from tests.micro import song
from tests.micro.measure_whisper import Score, score, words_of
from tests.micro.separations import for_whisper, separated_voice, separator

CHECKPOINT = Path(__file__).parent / "micro" / "whisper_micro.pt"

WORD_ONSETS = (
    (0.0, 0.15, 0.58, 0.71, 1.06, 1.36, 1.86),
    (0.0, 0.39, 0.76, 0.87, 1.43, 1.60),
    (0.0, 0.45, 0.78, 0.99, 1.45, 1.58, 1.85),
)
"""Seconds from the beginning of each sentence of the demo, as eSpeak NG told them."""


@pytest.fixture(scope="module")
def model() -> whisper.Whisper:
    return whisper.load_model(str(CHECKPOINT), device="cpu")


@pytest.fixture(scope="module")
def demo() -> song.Song:
    return song.demo_song()


def hear(model: whisper.Whisper, audio: NDArray[np.float32], **options: Any) -> dict[str, Any]:
    with whisper_quiet():
        result: dict[str, Any] = model.transcribe(audio, fp16=False, **options)
    return result


def assert_understood(found: Score) -> None:
    assert found.wrong_words == 0
    assert found.worst_edge < 0.5


def test_the_checkpoint_is_as_openai_writes_them() -> None:
    checkpoint = torch.load(CHECKPOINT, map_location="cpu", weights_only=True)
    assert set(checkpoint) == {"dims", "model_state_dict"}
    assert checkpoint["dims"]["n_vocab"] == 51865
    assert {each.dtype for each in checkpoint["model_state_dict"].values()} == {torch.float16}
    assert CHECKPOINT.stat().st_size < 3_000_000


def test_the_demo_vocals_word_for_word(model: whisper.Whisper, demo: song.Song) -> None:
    result = hear(model, for_whisper(demo.stems["vocals"]))
    assert result["language"] == "en"
    assert_understood(score(result, demo.sentences))


def test_vocals_with_a_trace_of_the_band(model: whisper.Whisper, demo: song.Song) -> None:
    vocals = demo.stems["vocals"]
    leak = np.float32(0.2) * (demo.mix - vocals)
    assert_understood(score(hear(model, for_whisper(vocals + leak)), demo.sentences))


def test_the_vocals_as_separated(model: whisper.Whisper, demo: song.Song) -> None:
    voice = separated_voice(separator(), demo.mix)
    assert_understood(score(hear(model, voice), demo.sentences))


def test_a_file_of_several_windows(model: whisper.Whisper, demo: song.Song) -> None:
    vocals = for_whisper(demo.stems["vocals"])
    length = vocals.size / SAMPLE_RATE
    thrice = tuple(
        (start + turn * length, end + turn * length, text)
        for turn in range(3)
        for start, end, text in demo.sentences
    )
    assert_understood(score(hear(model, np.tile(vocals, 3)), thrice))


def test_words_are_timed(model: whisper.Whisper, demo: song.Song) -> None:
    result = hear(model, for_whisper(demo.stems["vocals"]), word_timestamps=True)
    words = [word for part in result["segments"] for word in part["words"]]
    said = [word for _, _, text in demo.sentences for word in words_of(text)]
    begun = [
        start + onset
        for (start, _, _), onsets in zip(demo.sentences, WORD_ONSETS, strict=True)
        for onset in onsets
    ]
    assert [words_of(word["word"]) for word in words] == [[word] for word in said]
    assert [word["start"] for word in words] == pytest.approx(begun, abs=0.5)


@pytest.mark.parametrize("loudness", [0.0, 0.01], ids=["silence", "noise"])
def test_nothing_is_heard_where_nothing_is_said(model: whisper.Whisper, loudness: float) -> None:
    noise = np.random.default_rng(0).standard_normal(12 * SAMPLE_RATE).astype(np.float32)
    assert hear(model, np.float32(loudness) * noise)["text"].strip() == ""
