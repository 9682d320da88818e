"""Lanes of one recording that run side by side: what they share, and what each has to itself."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from faster_whisper.transcribe import Segment, Word
from numpy.typing import NDArray

from neuralib.engines import openvino_runtime
from neuralib.engines.device import Placement
from neuralib.engines.whisper import lanes as whisper_lanes
from neuralib.engines.whisper.faster_whisper import FasterWhisper
from neuralib.engines.whisper.lanes import _until
from neuralib.engines.whisper.meeting import Call
from neuralib.errors import InternalError
from neuralib.models.files import ModelFiles
from neuralib.models.store import Store
from neuralib.progress import silent
from neuralib.tasks import TranscribeTask

pytestmark = pytest.mark.skipif(
    not openvino_runtime.is_here(), reason="OpenVINO has no wheel for this machine"
)
Samples = NDArray[np.float32]
GREEDY = TranscribeTask(temperature=(0.0,), beam_size=1, language="en")


@pytest.fixture
def engine(whisper_files: ModelFiles, whisper_store: Store) -> FasterWhisper:
    engine = FasterWhisper(whisper_files, Placement("cpu", "fp32"), whisper_store.prepared)
    engine.load()
    return engine


@pytest.fixture(scope="module")
def long_voice(voice: Samples) -> Samples:
    """Some 100 s: two lanes."""
    return np.tile(voice, 17)


def test_no_lane_reaches_into_the_next(
    engine: FasterWhisper, long_voice: Samples, monkeypatch: pytest.MonkeyPatch
) -> None:
    """This model believes that something is said at second 25, however short its window is."""
    monkeypatch.setattr(whisper_lanes, "lanes", lambda *_: [(0, 1000), (1000, 2000)])
    segments = engine.transcribe(long_voice, GREEDY, silent).segments
    second = [segment for segment in segments if segment.start >= 10.0]
    assert any(segment.end - segment.start > 0.5 for segment in second)
    found, _ = engine._whisper.transcribe(long_voice, "en", temperature=[0.0], beam_size=1)
    ends = [(segment.seek, segment.end) for segment in found]
    assert max(end for seek, end in ends if seek < 1000) == 10.0
    assert max(end for seek, end in ends) == 20.0


def test_words_end_with_their_lane() -> None:
    words = [Word(0.5, 1.5, " so", 0.9), Word(1.5, 2.5, " far", 0.8)]
    segment = Segment(1, 0, 0.5, 2.5, " so far", [], -0.1, 1.0, 0.0, words, 0.0)
    cut = _until(segment, 1.0)
    assert (cut.start, cut.end) == (0.5, 1.0)
    assert [(word.start, word.end) for word in cut.words or ()] == [(0.5, 1.0), (1.0, 1.0)]
    assert _until(replace(segment, words=None), 1.0).words is None


def test_the_model_that_times_words_is_read_once(
    engine: FasterWhisper,
    long_voice: Samples,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    read, aligner, arrived = [], FasterWhisper._aligner, threading.Event()

    def slow(self: FasterWhisper) -> Any:
        read.append(threading.current_thread().name)
        arrived.wait(0.5)  # time for another lane to come and read it, too
        return aligner(self)

    monkeypatch.setattr(FasterWhisper, "_aligner", slow)
    fresh = FasterWhisper(engine.model, engine.placement, engine._prepared)
    task = GREEDY.model_copy(update={"word_timestamps": True})
    assert fresh.transcribe(long_voice, task, silent).segments[-1].words
    assert len(read) == 1
    assert capfd.readouterr() == ("", "")


def test_the_window_of_the_language_is_heard_once(engine: FasterWhisper, voice: Samples) -> None:
    """Whichever lane's thread is first."""
    model = engine._whisper.model
    window = np.zeros((80, 3000), np.float32)
    heard = model.encode(window)
    other = Call("encode", (1, window + 1))
    first = Call("encode", (0, window))
    model.answer([other, first], lambda: None)
    assert first.result is heard
    assert other.result.slot == 1


def test_a_window_is_left_in_the_middle(engine: FasterWhisper) -> None:
    windows = engine._whisper.model.windows
    window = np.zeros((80, 3000), np.float32)
    expected = windows.encode(window, 0).states
    errors = []

    def encode_until_stopped() -> None:
        try:
            while True:
                windows.encode(window, 0)
        except InternalError as error:
            errors.append(error)

    thread = threading.Thread(target=encode_until_stopped)
    thread.start()
    while thread.is_alive():  # a stop between two windows ends neither
        windows.stop()
    assert len(errors) == 1
    np.testing.assert_array_equal(windows.encode(window, 0).states, expected)


def test_lanes_go_home_where_one_cannot_start(
    engine: FasterWhisper, long_voice: Samples, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = threading.Thread.start

    def refuse(thread: threading.Thread) -> None:
        if thread.name == "lane 1":
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", refuse)
    with pytest.raises(InternalError, match="can't start new thread"):
        engine.transcribe(long_voice, GREEDY, silent)
    assert not [each.name for each in threading.enumerate() if each.name.startswith("lane")]
    monkeypatch.undo()
    assert engine.transcribe(long_voice, GREEDY, silent).segments
