"""The reference engine is openai-whisper, and nothing else."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from neuralib.engines.device import Placement
from neuralib.engines.whisper.openai_whisper import OpenAIWhisper
from neuralib.engines.whisper.quiet import whisper_quiet
from neuralib.errors import Cancelled, DeviceMissing, UsageError
from neuralib.models.files import ModelFiles
from neuralib.progress import Progress, silent
from neuralib.tasks import TranscribeTask
from neuralib.transcript.transcript import Transcript
from tests.whisper_checkpoints import load_reference

Samples = NDArray[np.float32]
GREEDY = TranscribeTask(temperature=(0.0,), beam_size=1, language="en")


def expected(files: ModelFiles, samples: Samples, **options: Any) -> dict[str, Any]:
    """What openai-whisper gives, without anything of NeuraLib."""
    model = load_reference(files.paths[0])
    with whisper_quiet():
        return model.transcribe(samples, fp16=False, temperature=(0.0,), **options)


def check_equal(found: Transcript, result: dict[str, Any]) -> None:
    # The whole text can differ from the segments' by tokens that the segments leave out.
    assert found.whole == result["text"]
    assert found.text == result["text"].strip()
    assert found.language == result["language"]
    assert len(found.segments) == len(result["segments"]) > 0
    for segment, other in zip(found.segments, result["segments"], strict=True):
        for name in ("start", "end", "text", "temperature", "avg_logprob"):
            assert getattr(segment, name) == other[name]
        assert segment.compression_ratio == other["compression_ratio"]
        assert segment.no_speech_prob == other["no_speech_prob"]
        words = [(word.start, word.end, word.text, word.probability) for word in segment.words]
        assert words == [
            (word["start"], word["end"], word["word"], word["probability"])
            for word in other.get("words", [])
        ]


def test_greedy_text_and_segments_are_openai_whispers(
    reference: OpenAIWhisper, whisper_files: ModelFiles, voice: Samples
) -> None:
    found = reference.transcribe(voice, GREEDY, silent)
    check_equal(found, expected(whisper_files, voice, language="en"))


def test_beams_prompt_and_translation_are_openai_whispers(
    reference: OpenAIWhisper, whisper_files: ModelFiles, voice: Samples
) -> None:
    task = TranscribeTask(
        temperature=(0.0,), beam_size=2, task="translate", initial_prompt="Silver Light, piano"
    )
    found = reference.transcribe(voice, task, silent)
    options = {"beam_size": 2, "task": "translate", "initial_prompt": "Silver Light, piano"}
    check_equal(found, expected(whisper_files, voice, **options))


def test_words_are_openai_whispers(
    reference: OpenAIWhisper, whisper_files: ModelFiles, voice: Samples
) -> None:
    short = voice[:32_000]
    found = reference.transcribe(short, GREEDY.model_copy(update={"word_timestamps": True}), silent)
    assert any(segment.words for segment in found.segments)
    check_equal(found, expected(whisper_files, short, language="en", word_timestamps=True))


def test_nothing_is_printed_and_the_library_is_left_as_it_was(
    reference: OpenAIWhisper, voice: Samples, capfd: pytest.CaptureFixture[str]
) -> None:
    reference.load()
    bar = sys.modules["whisper.transcribe"].tqdm  # type: ignore[attr-defined]
    reference.transcribe(voice, GREEDY, silent)
    assert capfd.readouterr() == ("", "")
    assert sys.modules["whisper.transcribe"].tqdm is bar  # type: ignore[attr-defined]


@pytest.fixture(scope="module")
def steady(steady_files: ModelFiles) -> OpenAIWhisper:
    return OpenAIWhisper(steady_files, Placement("cpu", "fp32"))


def test_progress_is_told_window_by_window(steady: OpenAIWhisper, voice: Samples) -> None:
    told: list[Progress] = []
    steady.transcribe(np.tile(voice, 12), GREEDY, told.append)
    done = [progress.done_seconds for progress in told]
    assert done == [30.0, 60.0, 72.0, 72.0]
    assert told[-1].total_seconds == 72.0
    assert all(progress.stage == "run" for progress in told)


def test_the_listener_stops_the_run(steady: OpenAIWhisper, voice: Samples) -> None:
    told: list[Progress] = []

    def stop(progress: Progress) -> None:
        told.append(progress)
        raise Cancelled("enough")

    with pytest.raises(Cancelled):
        steady.transcribe(np.tile(voice, 12), GREEDY, stop)
    assert [progress.done_seconds for progress in told] == [30.0]


def test_the_same_random_numbers_every_time(steady: OpenAIWhisper, voice: Samples) -> None:
    task = GREEDY.model_copy(update={"temperature": (1.0,)})
    first = steady.transcribe(voice, task, silent)
    assert first.segments[0].temperature == 1.0
    assert steady.transcribe(voice, task, silent) == first


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_arithmetic_that_is_not_there_is_refused(whisper_files: ModelFiles, precision: Any) -> None:
    engine = OpenAIWhisper(whisper_files, Placement("cpu", precision))
    with pytest.raises(DeviceMissing, match=f"on cpu has fp32 only, got {precision}; take "):
        engine.load()


def test_english_models_know_english_only(english_files: ModelFiles, voice: Samples) -> None:
    engine = OpenAIWhisper(english_files, Placement("cpu", "fp32"))
    assert engine.transcribe(voice, GREEDY, silent).language == "en"
    with pytest.raises(UsageError, match="knows English only"):
        engine.transcribe(voice, TranscribeTask(language="german"), silent)
