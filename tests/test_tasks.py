"""Tasks are checked when they are built, and survive being stored."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from neuralib.errors import UsageError
from neuralib.tasks import MidiTask, SeparateTask, TranscribeTask, build_task, parse_task

fractions = st.floats(0, 1)
texts = st.text(min_size=1, max_size=20)
separate_tasks = st.builds(
    SeparateTask,
    model=texts,
    stems=st.none() | st.lists(texts, min_size=1, max_size=6, unique=True).map(tuple),
    overlap=st.floats(0, 0.95),
    shifts=st.integers(0, 64),
    seed=st.integers(0, 2**40),
    format=st.sampled_from(["wav", "mp3", "opus"]),
)
midi_tasks = st.builds(
    MidiTask,
    onset_threshold=fractions,
    frame_threshold=fractions,
    minimum_frequency_hz=st.none() | st.floats(1, 100),
    maximum_frequency_hz=st.none() | st.floats(101, 5000),
    tempo_bpm=st.floats(4, 960) | st.just("auto"),
    quantize=st.sampled_from([None, "1/16", "1/8t"]),
    formats=st.lists(st.sampled_from(["mid", "csv", "json"]), min_size=1, unique=True).map(tuple),
)
transcribe_tasks = st.builds(
    TranscribeTask,
    language=st.none() | texts,
    initial_prompt=st.none() | st.text(max_size=30),
    temperature=st.lists(fractions, min_size=1, max_size=6).map(tuple),
    word_timestamps=st.booleans(),
)


@given(separate_tasks | midi_tasks | transcribe_tasks)
def test_json_round_trip(task: SeparateTask | MidiTask | TranscribeTask) -> None:
    assert parse_task(task.model_dump_json()) == task


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({}, "kind"),
        ({"kind": "sing"}, "separate.*midi.*transcribe"),
        ({"kind": "midi", "onset": 0.5}, "onset: got 0.5; there is no such option"),
        ({"kind": "midi", "onset_threshold": 2}, "onset_threshold: got 2; it must be 1 or less"),
        ({"kind": "midi", "onset_threshold": float("nan")}, "finite"),
        ({"kind": "midi", "formats": ()}, "formats: got .* name at least one"),
        (
            {"kind": "midi", "minimum_frequency_hz": 500, "maximum_frequency_hz": 100},
            "minimum frequency 500 Hz is not below maximum frequency 100 Hz",
        ),
        ({"kind": "midi", "program": 0}, "program: got 0"),
        (
            {"kind": "midi", "tempo_bpm": "fast"},
            "tempo_bpm: got 'fast'; it must be a number, or 'auto'$",
        ),
        ({"kind": "midi", "quantize": "1/5"}, "quantize: got '1/5'; .*'1/4', '1/8'"),
        ({"kind": "midi", "channel": 17}, "channel: got 17"),
        (
            {"kind": "midi", "channel": 2, "multiple_pitch_bends": True},
            "takes all channels; leave channel out",
        ),
        ({"kind": "separate", "stems": ()}, "at least one stem"),
        ({"kind": "separate", "stems": ("bass", "bass")}, "stem bass is named twice"),
        ({"kind": "separate", "stems": ("bass",), "two_stems": "bass"}, "exclude each other"),
        ({"kind": "separate", "format": "aiff"}, "format: got 'aiff'; .*'wav', 'flac'"),
        ({"kind": "separate", "format": "mp3", "bit_depth": 16}, "wav and flac, not to mp3"),
        ({"kind": "separate", "format": "flac", "bit_depth": 32}, "take wav"),
        ({"kind": "separate", "overlap": 1.0}, "overlap: got 1.0"),
        ({"kind": "transcribe", "temperature": (0, 3)}, "temperature 3 is not between 0 and 1"),
        ({"kind": "transcribe", "beam_size": 0}, "beam_size: got 0"),
    ],
)
def test_wrong_values_are_refused_with_advice(values: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        build_task(values)


def test_message_uses_the_name_that_the_caller_knows() -> None:
    with pytest.raises(UsageError, match=r"^--tempo: got 1000"):
        build_task({"kind": "midi", "tempo_bpm": 1000}, name={"tempo_bpm": "--tempo"}.__getitem__)


def test_tasks_are_frozen() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        MidiTask().tempo_bpm = 100  # type: ignore[misc]
