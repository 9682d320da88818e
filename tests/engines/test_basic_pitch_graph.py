"""Basic Pitch's graph for processors, against the one that comes with basic-pitch."""

from __future__ import annotations

import platform
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from numpy.typing import NDArray
from onnx import ModelProto, numpy_helper

from neuralib.engines.basic_pitch.engine import BasicPitch
from neuralib.engines.basic_pitch.prepared import processor_graph
from neuralib.engines.basic_pitch.weights import Unsupported
from neuralib.engines.device import Placement
from neuralib.errors import OutputError
from neuralib.midi.times import KEPT_FRAMES, TRIM_FRAMES, WINDOW_FRAMES, WINDOW_SAMPLES
from neuralib.models.files import ModelFiles
from neuralib.models.store import Store
from tests.midi.music import CHORDS, play

RATE = 22_050
CPU = Placement("cpu", "fp32")
TOLERANCE = 5e-6 if platform.machine() in ("x86_64", "AMD64") else 1e-3
"""Elsewhere onnxruntime sums in another order, and the spectrogram is a logarithm."""
SECONDS = np.arange(WINDOW_SAMPLES) / RATE
NOISE = np.random.default_rng(0).normal(0, 0.1, WINDOW_SAMPLES)


def tone(hertz: float) -> NDArray[np.float64]:
    return 0.3 * np.sin(2 * np.pi * hertz * SECONDS)


SOUNDS = {
    "music": play(CHORDS, RATE)[:WINDOW_SAMPLES],
    "noise": NOISE,
    "far too loud": 1000 * NOISE,
    "quiet": 1e-4 * NOISE,
    "silence": 0 * NOISE,
    "offset": np.ones(WINDOW_SAMPLES),
    "a click": np.eye(1, WINDOW_SAMPLES, 20_000)[0],
    "the end of a note": np.where(np.arange(WINDOW_SAMPLES) < 300, tone(440), 0),
    "the lowest key": tone(27.5),
    "the middle": tone(440),
    "the highest key": tone(4186),
    "above all keys": tone(9000),
}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> ModelFiles:
    return Store(tmp_path_factory.mktemp("models"), offline=True).locate("basic-pitch", "midi")


@pytest.fixture(scope="module")
def graph(files: ModelFiles) -> bytes:
    return processor_graph(files, None)


def run(
    graph: bytes, samples: NDArray[np.floating], frames: int = KEPT_FRAMES
) -> dict[str, NDArray[np.float32]]:
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    names = sorted(each.name for each in session.get_outputs())
    window = samples.astype(np.float32).reshape(1, -1, 1)
    inputs = [each.name for each in session.get_inputs()]
    values = dict(zip(inputs, (window, np.array([frames])), strict=False))
    return dict(zip(names, session.run(names, values), strict=True))


@pytest.mark.parametrize("sound", SOUNDS)
def test_activations_are_those_of_the_original_graph(
    sound: str, files: ModelFiles, graph: bytes
) -> None:
    expected = run(files.paths[0].read_bytes(), SOUNDS[sound])

    found = run(graph, SOUNDS[sound])

    assert found.keys() == expected.keys()
    for name, values in expected.items():
        assert values.shape[1] == WINDOW_FRAMES
        kept = values[:, TRIM_FRAMES:-TRIM_FRAMES]
        np.testing.assert_allclose(found[name], kept, rtol=0, atol=TOLERANCE, err_msg=name)


@pytest.mark.parametrize("frames", [1, 2, 85, 141])
def test_fewer_frames_are_the_first_of_all(frames: int, graph: bytes) -> None:
    all_frames = run(graph, SOUNDS["music"])

    found = run(graph, SOUNDS["music"], frames)

    for name, values in all_frames.items():
        assert found[name].shape == (1, frames, values.shape[-1])
        np.testing.assert_array_equal(found[name], values[:, :frames], err_msg=name)


def test_every_key_has_activations_of_its_own(graph: bytes) -> None:
    """Tones that sound alone, so that no bin of a block stands for its neighbour."""
    for key in (0, 7, 8, 9, 39, 44, 80, 87):
        notes = run(graph, tone(27.5 * 2 ** (key / 12)))["StatefulPartitionedCall:1"]

        assert notes[0].mean(axis=0).argmax() == key


def test_the_graph_is_kept_beside_the_models(files: ModelFiles, tmp_path: Path) -> None:
    kept = processor_graph(files, Store(tmp_path, offline=True).prepared)

    (path,) = tmp_path.rglob("graph.onnx")
    assert path.read_bytes() == kept
    path.write_bytes(kept[:-1] + b"\0")  # of the same length, so it is taken as it is
    assert processor_graph(files, Store(tmp_path, offline=True).prepared) != kept


def test_the_graph_is_the_same_each_time_it_is_made(files: ModelFiles, graph: bytes) -> None:
    def full(*_: object) -> Path:
        raise OutputError("no room")

    assert processor_graph(files, full) == graph


Change = Callable[[NDArray[np.float32]], NDArray[np.float32]]


def change(name: str, to: Change, model: ModelProto) -> None:
    (tensor,) = (each for each in model.graph.initializer if each.name.endswith(name))
    tensor.CopyFrom(numpy_helper.from_array(to(numpy_helper.to_array(tensor)), tensor.name))


def first_shape(model: ModelProto, *shape: int) -> str:
    return next(each.name for each in model.graph.initializer if tuple(each.dims) == shape)


def wider(model: ModelProto) -> None:
    change(first_shape(model, 1, 8, 5, 5), lambda kernel: kernel[..., :3], model)


def no_levels(model: ModelProto) -> None:
    change("cq_t2010v2_1/Sqrt", lambda levels: levels[:1], model)


def other_floor(model: ModelProto) -> None:
    change("normalized_log_1/add/y", lambda floor: floor * 1e6, model)


def biased(model: ModelProto) -> None:
    change("conv1d_25", lambda bias: bias + 1, model)


CHANGES = {
    "kernels of shape": wider,
    "not one constant": no_levels,
    "is not what its weights say": other_floor,
    "has a bias": biased,
}


@pytest.mark.parametrize("reason", CHANGES)
def test_another_graph_is_run_as_it_is(reason: str, files: ModelFiles, tmp_path: Path) -> None:
    model = onnx.load(files.paths[0])
    CHANGES[reason](model)
    other = ModelFiles("other", (tmp_path / "nmp.onnx",))
    other.paths[0].write_bytes(model.SerializeToString())

    with pytest.raises(Unsupported, match=reason):
        processor_graph(other, None)


def test_what_has_no_graph_of_ours_is_run_from_its_file(files: ModelFiles, tmp_path: Path) -> None:
    model = onnx.load(files.paths[0])
    other_floor(model)
    other = ModelFiles("other", (tmp_path / "nmp.onnx",))
    other.paths[0].write_bytes(model.SerializeToString())
    samples = np.pad(SOUNDS["music"], (3840, 0))[:WINDOW_SAMPLES].astype(np.float32)

    found = BasicPitch(other, CPU).track([samples[None, 3840:]])

    expected = run(other.paths[0].read_bytes(), samples)["StatefulPartitionedCall:1"]
    np.testing.assert_array_equal(found.notes[: 172 - 30], expected[0, 15:-15])
