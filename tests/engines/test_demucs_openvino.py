"""HTDemucs by OpenVINO: the stems of PyTorch, without PyTorch."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
import time
from concurrent.futures import CancelledError
from pathlib import Path

import numpy as np
import pytest
import torch
from demucs.demucs import Demucs
from demucs.hdemucs import HDemucs
from demucs.hf import load_safetensors_model
from demucs.htdemucs import HTDemucs
from numpy.typing import NDArray

from neuralib.engines import openvino_runtime
from neuralib.engines.demucs.engine import Demucs as Engine
from neuralib.engines.demucs.openvino import OpenVINONetwork, _standardise
from neuralib.engines.demucs.prepared import Unsupported, prepare
from neuralib.engines.demucs.spectrum import Spectrum
from neuralib.engines.device import Placement
from neuralib.errors import CheckpointError, InternalError
from neuralib.models.files import ModelFiles
from neuralib.models.prepared import Prepared
from neuralib.models.store import Store
from tests.demucs_checkpoints import FULL_SIZE, SOURCES, make_model, save_safetensors
from tests.demucs_runs import (
    Samples,
    engine_for,
    level,
    make_mix,
    separate,
    separate_by_demucs,
    snr_db,
)
from tests.micro import song

pytestmark = pytest.mark.skipif(
    not openvino_runtime.is_here(), reason="OpenVINO has no wheel for this machine"
)
HAS_BF16 = openvino_runtime.is_here() and openvino_runtime.computes("bf16")
MICRO = Path(song.__file__).with_name("htdemucs_micro.safetensors")
MIX = make_mix(8000 * 2 + 777)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return Store(tmp_path_factory.mktemp("models"), offline=True)


def fast(files: ModelFiles, store: Store, precision: str = "fp32", is_free: bool = False) -> Engine:
    engine = Engine(files, Placement("cpu", precision, is_free), store.prepared)
    engine.load()
    return engine


def lively(model: torch.nn.Module) -> torch.nn.Module:
    """A model whose residual branches and norms matter as in a trained one."""
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(5)
        for name, values in model.named_parameters():
            if name.endswith(".scale"):
                values.uniform_(-0.5, 0.5)
            elif values.ndim == 1:
                values += 0.2 * torch.randn_like(values)
    return model


def small(path: Path, **arguments: object) -> ModelFiles:
    """Two layers deep, for the time that OpenVINO takes to compile a layer."""
    model = make_model(HTDemucs, **{"depth": 2, **arguments})
    return ModelFiles("small", (save_safetensors(lively(model), path),))


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"dconv_mode": 3, "dconv_depth": 3},
        {"dconv_mode": 0},
        {"bottom_channels": 16, "t_layers": 3, "t_cross_first": True},
        {"t_layers": 0},
        {"channels": 12, "depth": 3, "freq_emb": 0, "nfft": 2048},
        {"sources": ["voice", "rest"], "audio_channels": 1, "samplerate": 16_000},
    ],
    ids=str,
)
def test_the_stems_are_those_of_demucs(
    tmp_path: Path, store: Store, arguments: dict[str, object]
) -> None:
    files = small(tmp_path / "small.safetensors", **arguments)
    engine = fast(files, store)
    assert engine.runtime == "openvino"
    mix = make_mix(8000 * 2 + 777, channels=engine.channels)
    stems = separate(engine, mix, engine.sources)
    assert snr_db(separate_by_demucs(load_safetensors_model(files.paths[0]), mix), stems) > 80


def test_a_full_size_htdemucs(tmp_path: Path, store: Store) -> None:
    model = lively(make_model(HTDemucs, **FULL_SIZE))
    files = ModelFiles("full", (save_safetensors(model, tmp_path / "full.safetensors"),))
    mix = make_mix(int(1.2 * 7.8 * 44_100))
    reference = separate_by_demucs(model, mix)
    assert snr_db(reference, separate(fast(files, store), mix)) > 80
    if HAS_BF16:
        assert snr_db(reference, separate(fast(files, store, "bf16"), mix)) > 40


@pytest.mark.skipif(not HAS_BF16, reason="this processor has no bfloat16")
def test_the_micro_model_in_bfloat16(store: Store) -> None:
    files = ModelFiles("micro", (MICRO,))
    mix = sum(song.demo_song().stems.values())[:, 3 * 44_100 : 8 * 44_100]
    exact = separate(fast(files, store), mix)
    assert snr_db(separate(engine_for(files), mix), exact) > 80
    assert snr_db(exact, separate(fast(files, store, "bf16"), mix)) > 40


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_two_runs_give_the_same_bytes(tmp_path: Path, store: Store, precision: str) -> None:
    if precision == "bf16" and not HAS_BF16:
        pytest.skip("this processor has no bfloat16")
    files = small(tmp_path / "small.safetensors")
    first, second = (separate(fast(files, store, precision), MIX) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    in_pieces = separate(fast(files, store, precision), MIX, block_frames=777)
    np.testing.assert_array_equal(first, in_pieces)


def test_some_stems_of_some_shifts_and_overlap(tmp_path: Path, store: Store) -> None:
    files = small(tmp_path / "small.safetensors")
    options = {"overlap": 0.6, "shifts": 2, "seed": 3}
    stems = separate(fast(files, store), MIX, ("vocals", "bass"), **options)
    reference = separate(engine_for(files), MIX, ("vocals", "bass"), **options)
    assert snr_db(reference, stems) > 80


@pytest.mark.parametrize("segment", [0.15, 0.25, 0.7])
def test_a_bag_with_its_own_segments(tmp_path: Path, store: Store, segment: float) -> None:
    paths = tuple(
        save_safetensors(
            lively(make_model(HTDemucs, seed, depth=2)), tmp_path / f"{seed}.safetensors"
        )
        for seed in range(2)
    )
    files = ModelFiles("bag", paths, ((1, 0, 1, 0), (0, 1, 1, 1)), segment)
    engine = fast(files, store)
    assert engine.runtime == ("torch" if segment < 0.2 else "openvino")
    stems = separate(engine, MIX)
    assert snr_db(separate(engine_for(files), MIX), stems) > 80


@pytest.mark.parametrize(
    "make", [lambda: make_model(HDemucs), lambda: make_model(HTDemucs, use_train_segment=False)]
)
def test_other_models_stay_with_torch(tmp_path: Path, store: Store, make: object) -> None:
    files = ModelFiles("other", (save_safetensors(make(), tmp_path / "other.safetensors"),))
    engine = fast(files, store, "bf16", is_free=True)
    assert (engine.runtime, engine.placement.precision) == ("torch", "fp32")
    np.testing.assert_array_equal(separate(engine, MIX), separate(engine_for(files), MIX))
    assert fast(files, store, "bf16").placement.precision == "bf16"


def test_where_no_graph_can_be_kept_torch_computes(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    nowhere = Prepared([tmp_path / "file" / "prepared"])
    files = small(tmp_path / "model.safetensors")

    engine = Engine(files, Placement("cpu", "bf16", True), nowhere.get)
    engine.load()

    assert (engine.runtime, engine.placement.precision) == ("torch", "fp32")
    assert "PyTorch computes instead, which is slower" in caplog.text


def test_where_there_is_no_graph_nothing_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    nowhere = Prepared([tmp_path / "file" / "prepared"])
    path = save_safetensors(make_model(HDemucs), tmp_path / "other.safetensors")
    engine = Engine(ModelFiles("other", (path,)), Placement("cpu", "fp32"), nowhere.get)
    engine.load()
    assert engine.runtime == "torch"
    assert not caplog.text


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"sources": 3}'])
def test_a_damaged_description(tmp_path: Path, text: str) -> None:
    files = small(tmp_path / "small.safetensors")

    def prepared(model: ModelFiles, form: str, build: object) -> Path:
        (tmp_path / "description.json").write_text(text, encoding="utf-8")
        return tmp_path

    with pytest.raises(CheckpointError, match=r"is damaged .* remove it, and it is made again"):
        prepare(files.paths[0], None, prepared)


def test_segments_of_nearly_the_same_length_have_graphs_of_their_own(
    tmp_path: Path, store: Store
) -> None:
    files = small(tmp_path / "small.safetensors", segment=200)
    forms = []

    def prepared(model: ModelFiles, form: str, build: object) -> Path:
        forms.append(form)
        raise Unsupported

    for seconds in (100.0001, 100.0004, 1e9):
        with pytest.raises(Unsupported):
            prepare(files.paths[0], seconds, prepared)
    assert len(set(forms)) == 3
    assert all(re.fullmatch(r"[a-z0-9.-]+", form) for form in forms)


def test_a_bag_of_both(tmp_path: Path, store: Store) -> None:
    models = make_model(HTDemucs, depth=2), make_model(Demucs)
    paths = tuple(
        save_safetensors(model, tmp_path / f"{index}.safetensors")
        for index, model in enumerate(models)
    )
    files = ModelFiles("bag", paths)
    engine = fast(files, store)
    assert engine.runtime == "torch"
    assert snr_db(separate(engine_for(files), MIX), separate(engine, MIX)) > 80


def test_the_graph_is_made_once_and_needs_no_torch(tmp_path: Path, store: Store) -> None:
    files = small(tmp_path / "small.safetensors")
    separate(fast(files, store), MIX)
    code = (
        "import sys; from pathlib import Path; from neuralib.models.files import ModelFiles;"
        "from neuralib.models.store import Store;"
        "from neuralib.engines.demucs.engine import Demucs;"
        "from neuralib.engines.base import Normalisation;"
        "import numpy as np; from neuralib.engines.device import Placement;"
        "store = Store(Path(sys.argv[1]), offline=True);"
        "files = ModelFiles('x', (Path(sys.argv[2]),));"
        "engine = Demucs(files, Placement('cpu', 'fp32'), store.prepared); engine.load();"
        "parts = engine.separate(iter([np.ones((2, 9000), np.float32)]), Normalisation(0.0, 1.0),"
        "    engine.sources, overlap=0.25, shifts=0, seed=0);"
        "assert sum(part.shape[-1] for part in parts) == 9000;"
        "print({'torch', 'demucs', 'scipy'} & set(sys.modules))"
    )
    words = [sys.executable, "-c", code, str(store.folder), str(files.paths[0])]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def test_what_is_left_alone_is_not_waited_for(tmp_path: Path, store: Store) -> None:
    """The listener goes away while segments wait for their turn."""
    engine = fast(small(tmp_path / "small.safetensors"), store)
    mix = make_mix(80_000)
    blocks = (mix[:, start : start + 8000] for start in range(0, 80_000, 8000))
    parts = engine.separate(blocks, level(mix), SOURCES, overlap=0.25, shifts=0, seed=0)
    next(parts)
    parts.close()
    assert snr_db(separate(engine, MIX), separate(engine, MIX)) > 300


@pytest.mark.parametrize("at", ["transform", "graph"])
def test_what_computes_is_stopped(tmp_path: Path, store: Store, at: str) -> None:
    files = small(tmp_path / "wide.safetensors", channels=48, segment=8)
    prepared = prepare(files.paths[0], None, store.prepared)
    network = OpenVINONetwork(prepared, "fp32", 1)
    transform, begun, gone = network._spectrum.forward, threading.Event(), threading.Event()

    def waiting(samples: Samples, out: NDArray[np.complex64]) -> None:
        begun.set()
        assert gone.wait(60)
        transform(samples, out)

    network._spectrum.forward = waiting
    mix = make_mix(prepared.segment_frames)
    separated = network.start(mix, [0])
    begun.wait(60)
    if at == "transform":
        network.stop()
    gone.set()
    while at == "graph" and not separated.done():
        for request in network._requests:
            request.cancel()
        time.sleep(0.001)
    error = CancelledError if at == "transform" else InternalError
    assert isinstance(separated.exception(60), error)
    assert network.start(mix, [0]).result(60).shape == (1, *mix.shape)


def test_a_long_segment_is_normalised_exactly() -> None:
    """Squares that are added one after the other in float32 leave 103 dB of it."""
    values = np.random.default_rng(0).standard_normal((2, 343_980)).astype(np.float32)
    exact = values.astype(np.float64)
    exact = (exact - exact.mean()) / (exact.std(ddof=1) + 1e-5)
    _standardise(values)
    assert snr_db(exact[None], values[None]) > 120


@pytest.mark.parametrize("frames", [3000, 4096, 24_001])
def test_the_transform_is_that_of_demucs(frames: int) -> None:
    model = make_model(HTDemucs, nfft=1024)
    wave = torch.randn(2, frames, generator=torch.Generator().manual_seed(0))
    spectrum = Spectrum(1024, frames)
    theirs = model._spec(wave[None])[0]
    ours = np.zeros((2, spectrum.steps, 1024 // 2 + 1), np.complex64)
    spectrum.forward(wave.numpy(), ours[..., :-1])
    np.testing.assert_allclose(ours[..., :-1], theirs.transpose(1, 2).numpy(), atol=1e-5)
    back = model._ispec(theirs[None], frames)[0].numpy()
    np.testing.assert_allclose(spectrum.back(2, lambda steps: ours[:, steps]), back, atol=1e-5)
