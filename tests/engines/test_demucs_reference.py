"""The stems are those of demucs' own `apply_model`."""

from functools import partial

import numpy as np
import pytest
import torch
from demucs.apply import BagOfModels
from demucs.demucs import Demucs
from demucs.hdemucs import HDemucs
from demucs.hf import load_safetensors_model
from demucs.htdemucs import HTDemucs
from demucs.states import load_model

from neuralib.models.files import ModelFiles
from tests.demucs_checkpoints import FULL_SIZE, make_model, save_package, save_safetensors
from tests.demucs_runs import engine_for, make_mix, separate, separate_by_demucs, snr_db

CLASSES = (HTDemucs, HDemucs, Demucs)
FRAMES = 8000 * 3 + 777
"""More than three segments of the longest small model."""


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory):
    """One small checkpoint a class."""
    folder = tmp_path_factory.mktemp("checkpoints")
    return {
        klass: save_safetensors(make_model(klass, seed), folder / f"{klass.__name__}.safetensors")
        for seed, klass in enumerate(CLASSES)
    }


@pytest.fixture(scope="module")
def mix():
    return make_mix(FRAMES)


def test_a_full_size_htdemucs(tmp_path):
    path = save_safetensors(make_model(HTDemucs, **FULL_SIZE), tmp_path / "htdemucs.safetensors")
    mix = make_mix(int(3.02 * 7.8 * 44_100))
    stems = separate(engine_for(ModelFiles("htdemucs", (path,))), mix)
    assert snr_db(separate_by_demucs(load_safetensors_model(path), mix), stems) > 100


@pytest.mark.parametrize("overlap", [0, 0.25, 0.5, 0.75])
@pytest.mark.parametrize("klass", CLASSES)
def test_each_class_with_each_overlap(checkpoints, mix, klass, overlap):
    path = checkpoints[klass]
    stems = separate(engine_for(ModelFiles("small", (path,))), mix, overlap=overlap)
    reference = separate_by_demucs(load_safetensors_model(path), mix, overlap=overlap)
    assert snr_db(reference, stems) > 100


@pytest.mark.parametrize("klass", CLASSES)
def test_older_packages_in_half_precision(tmp_path, mix, klass):
    path = save_package(make_model(klass), tmp_path / "small.th")
    stems = separate(engine_for(ModelFiles("small", (path,))), mix)
    assert snr_db(separate_by_demucs(load_model(path), mix), stems) > 100


@pytest.mark.parametrize("frames", [1, 2, 100, 3999, 4001, 8001])
@pytest.mark.parametrize("klass", CLASSES)
def test_mixes_shorter_than_a_segment(checkpoints, klass, frames):
    path = checkpoints[klass]
    mix = make_mix(frames)
    stems = separate(engine_for(ModelFiles("small", (path,))), mix)
    reference = separate_by_demucs(load_safetensors_model(path), mix)
    np.testing.assert_allclose(stems, reference, atol=1e-5 * abs(reference).max() + 1e-12)


def test_an_htdemucs_that_does_not_pad_to_its_segment(tmp_path, mix):
    model = make_model(HTDemucs, use_train_segment=False)
    path = save_safetensors(model, tmp_path / "free.safetensors")
    stems = separate(engine_for(ModelFiles("free", (path,))), mix)
    assert snr_db(separate_by_demucs(load_safetensors_model(path), mix), stems) > 100


def test_a_mono_model_of_another_rate_with_other_stems(tmp_path):
    model = make_model(
        HTDemucs, sources=["voice", "rest"], audio_channels=1, samplerate=16_000, segment=1
    )
    path = save_safetensors(model, tmp_path / "mono.safetensors")
    engine = engine_for(ModelFiles("mono", (path,)))
    assert (engine.sources, engine.sample_rate, engine.channels) == (("voice", "rest"), 16_000, 1)
    mix = make_mix(50_000, channels=1)
    stems = separate(engine, mix, ("voice", "rest"))
    assert snr_db(separate_by_demucs(load_safetensors_model(path), mix), stems) > 100


WEIGHTS = ((1.0, 0.5, 0.0, 0.0), (0.0, 0.25, 1.0, 2.0), (3.0, 0.0, 1.0, 1.0))


def bag_of(checkpoints, weights=None, segment=None):
    """The same bag for NeuraLib and for demucs; the latter changes the models' segments."""
    paths = tuple(checkpoints[klass] for klass in CLASSES)
    models = [load_safetensors_model(path) for path in paths]
    return ModelFiles("bag", paths, weights, segment), BagOfModels(models, weights, segment)


@pytest.mark.parametrize(
    ("weights", "segment"), [(None, None), (WEIGHTS, None), (WEIGHTS, 0.4), (None, 0.7)]
)
def test_bags_of_unequal_weights_and_segments(checkpoints, mix, weights, segment):
    files, bag = bag_of(checkpoints, weights, segment)
    assert snr_db(separate_by_demucs(bag, mix), separate(engine_for(files), mix)) > 100


@pytest.mark.parametrize("shifts", [1, 3])
def test_shifts(checkpoints, mix, shifts):
    files, bag = bag_of(checkpoints, WEIGHTS)
    stems = separate(engine_for(files), mix, shifts=shifts, seed=7)
    assert snr_db(separate_by_demucs(bag, mix, shifts=shifts, seed=7), stems) > 100


@pytest.mark.parametrize("frames", [1, 5, 5000])
def test_shifts_of_short_mixes(checkpoints, frames):
    files, bag = bag_of(checkpoints, WEIGHTS)
    mix = make_mix(frames)
    stems = separate(engine_for(files), mix, shifts=2, seed=7)
    reference = separate_by_demucs(bag, mix, shifts=2, seed=7)
    np.testing.assert_allclose(stems, reference, atol=1e-5 * abs(reference).max() + 1e-12)


@pytest.mark.parametrize("klass", CLASSES)
def test_every_strided_layer_in_bfloat16(checkpoints, mix, klass):
    engine = engine_for(ModelFiles("small", (checkpoints[klass],)), "bf16")
    (network,) = engine._networks.values()
    errors = {}

    def compare(name, layer, inputs, output):
        with torch.autocast("cpu", enabled=False):
            exact = type(layer).forward(layer, inputs[0].float())
        errors[name] = float((output - exact).norm() / exact.norm())

    for name, layer in network._model.named_modules():
        if hasattr(layer, "weight") and np.max(getattr(layer, "stride", 1)) > 1:
            layer.register_forward_hook(partial(compare, name))
    separate(engine, mix)
    assert errors
    assert max(errors.values()) < 0.02, errors
