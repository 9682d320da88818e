"""The default engine: the same words as the reference, and manners around them."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from neuralib.engines import openvino_runtime
from neuralib.engines.device import Devices, Placement, place, torch_devices
from neuralib.engines.whisper.faster_whisper import FasterWhisper, ctranslate2_devices
from neuralib.engines.whisper.openai_whisper import OpenAIWhisper, whisper_devices
from neuralib.errors import Cancelled, CheckpointError, DeviceMissing, UsageError
from neuralib.models.files import ModelFiles
from neuralib.models.store import Store
from neuralib.progress import Progress, silent
from neuralib.tasks import TranscribeTask
from tests.whisper_checkpoints import write_random_checkpoint

Samples = NDArray[np.float32]
GREEDY = TranscribeTask(temperature=(0.0,), beam_size=1, language="en")
CPU = Placement("cpu", "fp32")


def with_(**changes: Any) -> TranscribeTask:
    return GREEDY.model_copy(update=changes)


class WithoutOpenVino(FasterWhisper):
    """The engine where OpenVINO is not installed."""

    _openvino_computes = staticmethod(lambda precision: False)


ENGINES = [FasterWhisper, WithoutOpenVino]


@pytest.fixture(scope="module", params=ENGINES)
def steady(
    request: pytest.FixtureRequest, steady_files: ModelFiles, whisper_store: Store
) -> FasterWhisper:
    engine: FasterWhisper = request.param(steady_files, CPU, whisper_store.prepared)
    return engine


@pytest.fixture(scope="module", params=ENGINES)
def either(
    request: pytest.FixtureRequest, whisper_files: ModelFiles, whisper_store: Store
) -> FasterWhisper:
    engine: FasterWhisper = request.param(whisper_files, CPU, whisper_store.prepared)
    return engine


def test_the_runtime_is_told(steady: FasterWhisper) -> None:
    steady.load()
    lacks = isinstance(steady, WithoutOpenVino) or not openvino_runtime.is_here()
    assert steady.runtime == ("ctranslate2" if lacks else "openvino")


def test_greedy_segments_are_those_of_the_reference(
    either: FasterWhisper, reference: OpenAIWhisper, voice: Samples
) -> None:
    found = either.transcribe(voice, GREEDY, silent).segments
    expected = reference.transcribe(voice, GREEDY, silent).segments
    assert len(found) == len(expected) == 2
    for segment, other in zip(found, expected, strict=True):
        assert segment.text == other.text
        assert segment.start == pytest.approx(min(other.start, 6.0), abs=1e-6)
        assert segment.end == pytest.approx(min(other.end, 6.0), abs=1e-6)
        assert segment.no_speech_prob == pytest.approx(other.no_speech_prob, rel=1e-3)
        assert segment.avg_logprob == pytest.approx(other.avg_logprob, rel=0.05)
        assert segment.compression_ratio == other.compression_ratio


@pytest.mark.parametrize(
    "changes",
    [
        {"beam_size": 3, "task": "translate"},
        {"word_timestamps": True},
        {"initial_prompt": "Silver Light, piano"},
        {"language": None},
        {"vad": True},
        {"temperature": (0.0, 1.0)},
    ],
    ids=str,
)
def test_times_are_in_order_and_within_the_input(
    either: FasterWhisper, voice: Samples, changes: dict[str, Any]
) -> None:
    segments = either.transcribe(voice, with_(**changes), silent).segments
    assert segments
    times = [time for segment in segments for time in (segment.start, segment.end)]
    assert times == sorted(times)
    assert 0.0 <= times[0] <= times[-1] <= 6.0
    for segment in segments:
        words = [time for word in segment.words for time in (word.start, word.end)]
        assert words == sorted(words)
        assert bool(words) == with_(**changes).word_timestamps
        assert all(segment.start <= time <= segment.end for time in words)


def test_words_make_the_text(faster: FasterWhisper, voice: Samples) -> None:
    for segment in faster.transcribe(voice, with_(word_timestamps=True), silent).segments:
        assert "".join(word.text for word in segment.words) == segment.text
        assert all(0.0 <= word.probability <= 1.0 for word in segment.words)


def test_a_prompt_changes_what_is_heard(faster: FasterWhisper, voice: Samples) -> None:
    plain = faster.transcribe(voice, GREEDY, silent)
    prompted = faster.transcribe(voice, with_(initial_prompt="Piano"), silent)
    assert prompted.text != plain.text


@pytest.mark.parametrize("frames", [0, 1, 399, 1599])
def test_next_to_nothing_says_nothing(
    faster: FasterWhisper, reference: OpenAIWhisper, frames: int
) -> None:
    samples = np.ones(frames, np.float32)
    for engine in (faster, reference):
        transcript = engine.transcribe(samples, with_(language=None), silent)
        assert (transcript.language, transcript.segments) == ("und", ())


@pytest.mark.parametrize("peak", [0.0, 9e-5])
def test_silence_says_nothing(faster: FasterWhisper, reference: OpenAIWhisper, peak: float) -> None:
    rng = np.random.default_rng(0)
    samples = rng.uniform(-peak, peak, 40 * 16_000).astype(np.float32)
    for engine in (faster, reference):
        transcript = engine.transcribe(samples, with_(language="German"), silent)
        assert (transcript.language, transcript.text) == ("de", "")


def test_what_is_just_loud_enough_is_heard(faster: FasterWhisper, voice: Samples) -> None:
    quiet = (voice * (2e-4 / np.abs(voice).max())).astype(np.float32)
    assert faster.transcribe(quiet, GREEDY, silent).segments


def test_without_a_voice_the_detector_leaves_nothing(faster: FasterWhisper) -> None:
    noise = np.random.default_rng(0).standard_normal(48_000).astype(np.float32) * np.float32(0.01)
    transcript = faster.transcribe(noise, with_(vad=True, language=None), silent)
    assert (transcript.language, transcript.segments) == ("und", ())


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_samples_that_are_not_numbers_count_as_silence(
    faster: FasterWhisper, voice: Samples, value: float
) -> None:
    clean, odd = voice.copy(), voice.copy()
    clean[1000:1100], odd[1000:1100] = 0.0, value
    expected = faster.transcribe(clean, GREEDY, silent)
    assert faster.transcribe(odd, GREEDY, silent) == expected
    assert not np.isfinite(odd[1000])  # the caller's array is left alone


def test_progress_goes_up_to_the_end(steady: FasterWhisper, voice: Samples) -> None:
    told: list[Progress] = []
    steady.transcribe(np.tile(voice, 12), GREEDY, told.append)
    done = [progress.done_seconds for progress in told]
    assert done == sorted(done)
    assert len(set(done)) >= 4
    assert done[-1] == told[-1].total_seconds == 72.0
    assert all(progress.stage == "run" for progress in told)


def test_the_listener_stops_the_run(steady: FasterWhisper, voice: Samples) -> None:
    told: list[Progress] = []

    def stop(progress: Progress) -> None:
        told.append(progress)
        if progress.done_seconds > 0:
            raise Cancelled("enough")

    with pytest.raises(Cancelled):
        steady.transcribe(np.tile(voice, 12), GREEDY, stop)
    assert told[-1].done_seconds < 31
    assert steady.transcribe(voice, GREEDY, silent).segments


def test_the_same_random_numbers_for_every_input(
    steady: FasterWhisper, steady_files: ModelFiles, whisper_store: Store, voice: Samples
) -> None:
    """What a batch gives does not depend on what was before."""
    task = with_(temperature=(1.0,))
    first = steady.transcribe(voice, task, silent)
    assert first.segments[0].temperature == 1.0
    assert first.text != steady.transcribe(voice, GREEDY, silent).text
    assert steady.transcribe(voice, task, silent) == first
    other = type(steady)(steady_files, CPU, whisper_store.prepared)
    assert other.transcribe(voice, task, silent) == first


@pytest.mark.parametrize("wish", ["de", "DE", "German", " german "])
def test_languages_go_by_code_or_name(faster: FasterWhisper, voice: Samples, wish: str) -> None:
    assert faster.transcribe(voice, with_(language=wish), silent).language == "de"


@pytest.mark.parametrize("wish", ["", "xx", "klingon", "yue"])
def test_unknown_languages_are_refused(
    faster: FasterWhisper, reference: OpenAIWhisper, wish: str
) -> None:
    for engine in (faster, reference):
        with pytest.raises(UsageError, match="is not one of the 99 that model random knows"):
            engine.transcribe(np.zeros(10, np.float32), with_(language=wish), silent)


def test_an_english_model_knows_english_only(
    english_files: ModelFiles, whisper_store: Store, voice: Samples
) -> None:
    engine = FasterWhisper(english_files, CPU, whisper_store.prepared)
    for wish in (None, "en", "English"):
        assert engine.transcribe(voice, with_(language=wish), silent).language == "en"
    with pytest.raises(UsageError, match="knows English only"):
        engine.transcribe(voice, with_(language="de"), silent)


def test_a_prompt_with_control_tokens_is_refused(
    faster: FasterWhisper, reference: OpenAIWhisper, voice: Samples
) -> None:
    for engine in (faster, reference):
        with pytest.raises(UsageError, match="control token"):
            engine.transcribe(voice, with_(initial_prompt="so <|endoftext|>"), silent)


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_arithmetic_that_is_not_there_is_refused_before_anything_is_made(
    whisper_files: ModelFiles, tmp_path: Path, precision: Any
) -> None:
    if openvino_runtime.is_here() and openvino_runtime.computes(precision):
        pytest.skip("this processor computes it")
    store = Store(tmp_path / "models")
    engine = FasterWhisper(whisper_files, Placement("cpu", precision), store.prepared)
    with pytest.raises(DeviceMissing, match=f"on cpu has fp32.* only, got {precision}; take "):
        engine.load()
    assert not store.folder.exists()


@pytest.mark.parametrize("find", [ctranslate2_devices, whisper_devices])
def test_apples_gpu_is_for_neither_engine(
    find: Callable[[], Devices], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert place("mps", "auto", torch_devices).device == "mps"
    assert place("auto", "auto", find).device != "mps"
    with pytest.raises(DeviceMissing, match="mps is not here for this task; take --device auto"):
        place("mps", "auto", find)


@pytest.mark.parametrize("engine", ENGINES)
def test_the_form_is_made_once_and_without_the_network(
    engine: type[FasterWhisper], tmp_path: Path, voice: Samples, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    path = write_random_checkpoint(tmp_path / "model.pt")
    files, store = ModelFiles("model", (path,)), Store(tmp_path / "models")
    engine(files, CPU, store.prepared).transcribe(voice, GREEDY, silent)
    model = next(store.folder.rglob("*.bin"))
    made = model.stat().st_mtime_ns
    engine(files, CPU, store.prepared).load()
    assert model.stat().st_mtime_ns == made


def test_a_wrong_checkpoint_leaves_nothing_behind(tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    path.write_bytes(b"PK\x03\x04 no checkpoint")
    store = Store(tmp_path / "models")
    engine = FasterWhisper(ModelFiles("model", (path,)), CPU, store.prepared)
    with pytest.raises(CheckpointError, match="was not loaded"):
        engine.load()
    assert not list(store.folder.rglob("*.bin"))
    assert not list(store.folder.rglob("*.part"))


@pytest.mark.parametrize(
    ("engine", "name"),
    [
        (FasterWhisper, "decoder.xml"),
        (FasterWhisper, "encoder.xml"),
        (WithoutOpenVino, "model.bin"),
    ],
)
def test_a_damaged_form_says_how_to_mend_it(
    engine: type[FasterWhisper], name: str, steady_files: ModelFiles, tmp_path: Path
) -> None:
    store = Store(tmp_path / "models")
    engine(steady_files, CPU, store.prepared).load()
    model = next(store.folder.rglob(name))
    with model.open("r+b") as file:
        file.write(b"\xff" * 500)
    with pytest.raises(CheckpointError, match=r"remove .* made again"):
        engine(steady_files, CPU, store.prepared).load()


LEAN = """
import sys
from pathlib import Path
from neuralib.engines.device import Placement
from neuralib.engines.whisper.faster_whisper import FasterWhisper
from neuralib.models.files import ModelFiles
from neuralib.models.store import Store
from neuralib.progress import silent
from neuralib.tasks import TranscribeTask
import numpy as np
import json
checkpoint, folder = map(Path, sys.argv[1:])
files = ModelFiles("steady", (checkpoint,))
engine = FasterWhisper(files, Placement("cpu", "fp32"), Store(folder).prepared)
samples = (np.sin(np.arange(16000) / 10) * (np.arange(16000) < 8000)).astype(np.float32)
engine.transcribe(samples, TranscribeTask(language="de", temperature=(0.0,)), silent)
print(json.dumps(sorted(sys.modules)))
"""


def test_a_prepared_model_needs_no_torch(
    steady: FasterWhisper, steady_files: ModelFiles, whisper_store: Store
) -> None:
    steady.load()
    done = subprocess.run(
        [sys.executable, "-c", LEAN, steady_files.paths[0], whisper_store.folder],
        capture_output=True,
        text=True,
        check=True,
    )
    modules = set(json.loads(done.stdout))
    assert "faster_whisper" in modules
    assert modules.isdisjoint({"torch", "whisper", "numba", "transformers", "onnxruntime"})
    assert done.stderr == ""


def test_nothing_is_printed(
    faster: FasterWhisper, voice: Samples, capfd: pytest.CaptureFixture[str]
) -> None:
    faster.transcribe(voice, with_(vad=True, word_timestamps=True), silent)
    assert capfd.readouterr() == ("", "")


def test_karaoke_gets_word_times_without_asking(faster: FasterWhisper, voice: Samples) -> None:
    asked = faster.transcribe(voice, with_(word_timestamps=True), silent)
    assert faster.transcribe(voice, with_(formats=("elrc",)), silent) == asked


def test_a_loop_is_cut(
    faster: FasterWhisper, voice: Samples, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No model here loops when it should; the library is made to say what a real one did."""
    faster.load()
    transcribe = faster._whisper.transcribe

    def looping(*arguments: Any, **options: Any) -> Any:
        segments, information = transcribe(*arguments, **options)
        first = next(iter(segments))
        times = [0.1 * number for number in range(40)]
        return [
            replace(first, start=time, end=time + 0.1, text=" Thank you so much.") for time in times
        ], information

    monkeypatch.setattr(faster._whisper, "transcribe", looping)
    assert faster.transcribe(voice, GREEDY, silent).text == "Thank you so much."
