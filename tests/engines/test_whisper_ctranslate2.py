"""CTranslate2's windows, as a GPU computes them; here on the processor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import ctranslate2
import numpy as np
import pytest
from numpy.typing import NDArray

from neuralib.engines.device import Devices, Placement, place
from neuralib.engines.whisper.ctranslate2 import CTranslate2Whisper
from neuralib.engines.whisper.decode import Manner
from neuralib.engines.whisper.faster_whisper import FasterWhisper
from neuralib.engines.whisper.openai_whisper import OpenAIWhisper
from neuralib.engines.whisper.windows import Heard
from neuralib.errors import Cancelled, DeviceMissing
from neuralib.models.files import ModelFiles
from neuralib.models.store import Store
from neuralib.progress import silent
from neuralib.tasks import TranscribeTask

Samples = NDArray[np.float32]
START = 50258
PROMPTS = [[START, START + 1], [START, START + 2], [START + 3, 300, START, START + 1]] * 2


class Small:
    """A device that has room for so many windows."""

    def __init__(self, model: Any, room: int) -> None:
        self._model = model
        self.room = room
        self.asked: list[int] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)

    def generate(self, states: Any, prompts: Sequence[Any], **options: Any) -> Any:
        self.asked.append(len(prompts))
        if len(prompts) > self.room:
            raise RuntimeError("CUDA failed with error out of memory")
        return self._model.generate(states, prompts, **options)


@pytest.fixture
def engine(
    whisper_files: ModelFiles, whisper_store: Store, monkeypatch: pytest.MonkeyPatch
) -> FasterWhisper:
    monkeypatch.setattr(FasterWhisper, "_openvino_computes", staticmethod(lambda _: False))
    engine = FasterWhisper(whisper_files, Placement("cpu", "fp32"), whisper_store.prepared)
    engine.load()
    return engine


def windows_of(engine: FasterWhisper, voice: Samples) -> tuple[CTranslate2Whisper, list[Heard]]:
    whisper = engine._whisper
    windows: CTranslate2Whisper = whisper.model.windows
    levels = np.linspace(1.0, 0.1, len(PROMPTS), dtype=np.float32)
    padded = np.pad(voice, (0, 480_000))
    mels = [whisper.feature_extractor(padded * level)[:, :3000] for level in levels]
    return windows, [windows.encode(mel, slot) for slot, mel in enumerate(mels)]


@pytest.mark.parametrize("room", [1, 2, 3, 4])
def test_fewer_windows_are_taken_where_memory_is_short(
    engine: FasterWhisper, voice: Samples, room: int
) -> None:
    windows, heard = windows_of(engine, voice)
    expected = [
        windows.generate([each], [prompt], Manner())[0].sequences_ids
        for each, prompt in zip(heard, PROMPTS, strict=True)
    ]
    windows.model = small = Small(windows.model, room)
    said = windows.generate(heard, PROMPTS, Manner())
    assert [each.sequences_ids for each in said] == expected
    small.asked.clear()
    assert len(windows.generate(heard, PROMPTS, Manner())) == len(PROMPTS)
    assert max(small.asked) <= room  # it knows


def test_a_run_ends_in_the_middle_of_a_batch(engine: FasterWhisper, voice: Samples) -> None:
    windows, heard = windows_of(engine, voice)
    calls = []

    def stop_at_third() -> None:
        calls.append(1)
        if len(calls) == 3:
            raise Cancelled("enough")

    alike = [PROMPTS[0]] * len(heard)
    with pytest.raises(Cancelled):
        windows.generate(heard, alike, Manner(beam_size=5), stop_at_third)
    assert len(windows.generate(heard, alike, Manner())) == len(heard)


def test_one_window_without_memory_is_an_error(engine: FasterWhisper, voice: Samples) -> None:
    engine._whisper.model.windows.model = Small(engine._whisper.model.windows.model, 0)
    with pytest.raises(DeviceMissing, match="too little memory for this model"):
        engine.transcribe(voice, TranscribeTask(language="en"), silent)


def test_other_failures_are_not_tried_again(engine: FasterWhisper, voice: Samples) -> None:
    windows, heard = windows_of(engine, voice)
    with pytest.raises((RuntimeError, ValueError)) as caught:
        windows.generate(heard, [[1]] * len(heard), Manner())  # a prompt without a start
    assert "memory" not in str(caught.value)


def test_long_recordings_go_in_lanes(
    engine: FasterWhisper, reference: OpenAIWhisper, voice: Samples
) -> None:
    task = TranscribeTask(language="en", temperature=(0.0,), beam_size=1)
    windows = engine._whisper.model.windows
    windows.model = seen = Small(windows.model, 99)
    found = engine.transcribe(np.tile(voice, 17), task, silent).segments
    assert max(seen.asked) == 2
    assert found[0].text == reference.transcribe(voice, task, silent).segments[0].text


@pytest.mark.parametrize(
    ("types", "best"), [({"float32", "float16"}, "fp16"), ({"float32", "int8"}, "fp32")]
)
def test_auto_is_what_the_gpu_does_well(
    types: set[str], best: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ctranslate2, "get_supported_compute_types", lambda kind, index: types)
    found = place("cuda:1", "auto", lambda: Devices(2, False), FasterWhisper.best_precision)
    assert (found.device, found.precision) == ("cuda:1", best)
