"""What the libraries raise comes out as one line that says what to do."""

from __future__ import annotations

import sys
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuralib.engines.device import Placement
from neuralib.engines.whisper.faster_whisper import FasterWhisper, ctranslate2_devices
from neuralib.engines.whisper.openai_whisper import OpenAIWhisper
from neuralib.engines.whisper.recognition import errors_mapped, in_order
from neuralib.errors import (
    Cancelled,
    DeviceMissing,
    EngineMissing,
    InternalError,
    NeuraLibError,
)
from neuralib.models.files import ModelFiles
from neuralib.models.store import Store
from neuralib.transcript.transcript import Segment, Word


@pytest.mark.parametrize(
    ("error", "kind", "message"),
    [
        (RuntimeError("CUDA failed with error out of memory"), DeviceMissing, "too little memory"),
        (MemoryError(), DeviceMissing, "too little memory"),
        (
            RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to"),
            DeviceMissing,
            "take a smaller model",
        ),
        (
            RuntimeError("Library libcublas.so.12 is not found or cannot be loaded"),
            DeviceMissing,
            "libcublas",
        ),
        (ValueError("shapes\ndo not match"), InternalError, "shapes do not match; please report"),
        (RuntimeError(), InternalError, "RuntimeError"),
    ],
)
def test_errors_of_the_libraries_are_mapped(
    error: Exception, kind: type[NeuraLibError], message: str
) -> None:
    with pytest.raises(kind, match=message) as caught, errors_mapped("library", "cuda:0"):
        raise error
    assert "\n" not in caught.value.message


@pytest.mark.parametrize("error", [Cancelled("stop"), KeyboardInterrupt()])
def test_what_the_listener_raises_passes(error: BaseException) -> None:
    with pytest.raises(type(error)), errors_mapped("library", "cpu"):
        raise error


@pytest.mark.parametrize("missing", ["faster_whisper", "ctranslate2"])
def test_a_missing_library_says_what_to_install(
    whisper_files: ModelFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    engine = FasterWhisper(whisper_files, Placement("cpu", "fp32"), Store(tmp_path).prepared)
    with pytest.raises(EngineMissing, match="pip install faster-whisper"):
        engine.load()
    assert ctranslate2_devices().nvidia == 0


def test_a_missing_reference_says_what_to_install(
    whisper_files: ModelFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "whisper.model", None)
    with pytest.raises(EngineMissing, match="pip install openai-whisper"):
        OpenAIWhisper(whisper_files, Placement("cpu", "fp32")).load()


times = st.floats(allow_nan=True, allow_infinity=True)


@given(guesses=st.lists(st.tuples(times, times, st.lists(st.tuples(times, times)))))
def test_any_guesses_are_put_in_order(
    guesses: list[tuple[float, float, list[tuple[float, float]]]],
) -> None:
    segments = [
        Segment(start, end, "a", tuple(Word(*word, "a", 1.0) for word in words))
        for start, end, words in guesses
    ]
    moved = list(in_order(segments, 30.0))
    assert len(moved) == len(segments)
    told = [time for segment in moved for time in (segment.start, segment.end)]
    assert all(0.0 <= time <= 30.0 for time in told)
    assert all(first <= second for first, second in pairwise(told))
    for segment in moved:
        inner = [time for word in segment.words for time in (word.start, word.end)]
        assert inner == sorted(inner)
        assert all(segment.start <= time <= segment.end for time in inner)


def test_times_in_order_are_left_alone() -> None:
    segments = [Segment(0.5, 1.5, "a", (Word(0.5, 1.0, "a", 1.0),)), Segment(1.5, 30.0, "b")]
    assert list(in_order(segments, 30.0)) == segments
