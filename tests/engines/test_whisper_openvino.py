"""OpenVINO's Whisper hears and says what torch's does."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from whisper.audio import SAMPLE_RATE

from neuralib.engines import openvino_runtime
from neuralib.engines.device import Placement
from neuralib.engines.whisper.decode import Manner
from neuralib.engines.whisper.faster_whisper import FasterWhisper
from neuralib.engines.whisper.graph import FORM, write_graphs
from neuralib.engines.whisper.openai_whisper import OpenAIWhisper
from neuralib.models.files import ModelFiles
from neuralib.models.store import Store
from neuralib.progress import silent
from neuralib.tasks import Precision, TranscribeTask
from tests.conftest import WHISPER
from tests.micro import song
from tests.micro.measure_whisper import words_of
from tests.micro.separations import for_whisper
from tests.whisper_checkpoints import load_reference, write_random_checkpoint

pytestmark = pytest.mark.skipif(
    not openvino_runtime.is_here(), reason="OpenVINO has no wheel for this machine"
)
Samples = NDArray[np.float32]
MICRO = ModelFiles("micro", (Path(WHISPER),))


def engine_of(files: ModelFiles, precision: Precision, store: Store) -> FasterWhisper:
    if not openvino_runtime.computes(precision):
        pytest.skip(f"this processor has no fast {precision}")
    engine = FasterWhisper(files, Placement("cpu", precision), store.prepared)
    engine.load()
    return engine


@pytest.fixture(scope="module", params=["fp32", "bf16", "fp16"])
def micro(request: pytest.FixtureRequest, whisper_store: Store) -> FasterWhisper:
    return engine_of(MICRO, request.param, whisper_store)


@pytest.fixture(scope="module")
def vocals() -> Samples:
    return for_whisper(song.demo_song().stems["vocals"])


def features(voice: Samples, engine: FasterWhisper) -> Samples:
    found: Samples = engine._whisper.feature_extractor(np.pad(voice, (0, 480_000)))[:, :3000]
    return found


@pytest.mark.parametrize(("precision", "most"), [("fp32", 1e-4), ("bf16", 1e-2), ("fp16", 2e-3)])
def test_the_encoder_hears_what_torch_hears(
    precision: Precision, most: float, whisper_store: Store, vocals: Samples
) -> None:
    engine = engine_of(MICRO, precision, whisper_store)
    mel = features(vocals, engine)
    with torch.no_grad():
        expected = load_reference(MICRO.paths[0]).encoder(torch.from_numpy(mel)[None]).numpy()
    found = engine._whisper.model.windows.encode(mel, 0).states
    assert np.linalg.norm(found - expected) / np.linalg.norm(expected) < most


def test_the_demo_is_written_down_as_by_the_reference(
    micro: FasterWhisper, vocals: Samples
) -> None:
    task = TranscribeTask(word_timestamps=True)
    found = micro.transcribe(vocals, task, silent)
    expected = OpenAIWhisper(MICRO, Placement("cpu", "fp32")).transcribe(vocals, task, silent)
    assert micro.runtime == "openvino"
    assert (found.language, found.text) == (expected.language, expected.text)
    others = [segment for segment in expected.segments if segment.text]
    for segment, other in zip(found.segments, others, strict=True):
        assert segment.text == other.text
        assert [word.start for word in segment.words] == pytest.approx(
            [word.start for word in other.words], abs=0.1
        )


@pytest.mark.skipif(not Path("/proc/self/smaps").exists(), reason="no account of the memory")
def test_weights_are_looked_at_in_their_files(micro: FasterWhisper, vocals: Samples) -> None:
    micro.transcribe(vocals, TranscribeTask(language="en"), silent)
    files = sorted(micro._prepared(MICRO, FORM, lambda _: None).glob("*.bin"))
    assert [file.name for file in files] == ["decoder.bin", "encoder.bin"]
    maps = Path("/proc/self/smaps").read_text(encoding="utf-8").split("Rss:")
    for file in files:
        sizes = [after.split()[0] for before, after in pairwise(maps) if str(file) in before]
        assert set(sizes) == {"0"}


def test_halves_stay_halves(micro: FasterWhisper, vocals: Samples) -> None:
    """OpenVINO keeps what it unpacks; from float16 its bfloat16 logits would be bfloat16 too."""
    micro.transcribe(vocals, TranscribeTask(language="en"), silent)
    decoder = micro._whisper.model.windows._decoder.get_compiled_model().get_runtime_model()
    products = [
        (node.input_value(1).get_node(), node)
        for node in decoder.get_ordered_ops()
        if node.get_rt_info()["layerType"].astype(str) == "FullyConnected"
    ]
    kinds = [tuple(n.get_output_element_type(0).get_type_name() for n in p) for p in products]
    assert {weights for weights, _ in kinds[:-1]} == {"f16"}
    last = {"fp32": ("f16", "f32"), "bf16": ("f32", "f32"), "fp16": ("f16", "f16")}
    assert kinds[-1] == last[micro.placement.precision]


@pytest.mark.parametrize(("dtype", "kept"), [(torch.float16, True), (torch.float32, False)])
def test_weights_that_are_no_halves_stay_as_they_are(
    tmp_path: Path, dtype: torch.dtype, kept: bool
) -> None:
    write_graphs(write_random_checkpoint(tmp_path / "model.pt", dtype=dtype), tmp_path)
    for name, has_halves in (("encoder", False), ("decoder", kept)):
        graph = (tmp_path / f"{name}.xml").read_text(encoding="utf-8")
        assert ('element_type="f16"' in graph) == has_halves


def test_lanes_lose_no_word(micro: FasterWhisper, vocals: Samples) -> None:
    """Three minutes are four lanes, and the cuts fall anywhere in the song."""
    turns = round(180 * SAMPLE_RATE / vocals.size)
    found = micro.transcribe(np.tile(vocals, turns), TranscribeTask(language="en"), silent)
    said = [word for _, _, text in song.demo_song().sentences for word in words_of(text)]
    assert words_of(found.text) == said * turns
    starts = [segment.start for segment in found.segments]
    assert starts == sorted(starts)


@pytest.mark.parametrize(
    "manner", [Manner(beam_size=3), Manner(), Manner(samples=3, temperature=0.7)], ids=str
)
def test_windows_together_are_as_alone(
    whisper_files: ModelFiles, whisper_store: Store, voice: Samples, manner: Manner
) -> None:
    """Prompts of different lengths, and windows that end one after the other."""
    engine = engine_of(whisper_files, "fp32", whisper_store)
    graphs = engine._whisper.model.windows
    heard = [
        graphs.encode(features(voice * np.float32(level), engine), slot)
        for slot, level in enumerate((1.0, 0.02, 0.3))
    ]
    start = engine._whisper.hf_tokenizer.token_to_id("<|startoftranscript|>")
    prompts = [
        [start, start + 1],
        [start + 3, *range(300, 317), start, start + 1],
        [start, start + 2],
    ]
    together = graphs.generate(heard, prompts, manner)
    for number, said in enumerate(together):
        (alone,) = graphs.generate([heard[number]], [prompts[number]], manner)
        assert said.sequences_ids == alone.sequences_ids
        assert said.scores == pytest.approx(alone.scores, rel=1e-3)
        assert said.no_speech_prob == pytest.approx(alone.no_speech_prob, rel=1e-3)
    assert len({len(said.sequences_ids[0]) for said in together}) > 1
