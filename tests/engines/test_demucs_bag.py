"""A bag runs only what the wanted stems need."""

import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from demucs.hdemucs import HDemucs
from demucs.htdemucs import HTDemucs

from neuralib.engines.demucs.bag import Bag, Run
from neuralib.errors import CheckpointError, UsageError
from neuralib.models.files import ModelFiles
from tests.demucs_checkpoints import SOURCES, make_model, save_safetensors
from tests.demucs_runs import engine_for, make_mix, separate

ONE_HOT = tuple(tuple(float(row == column) for column in range(4)) for row in range(4))
A, B = Path("a.th"), Path("b.th")


@pytest.fixture(scope="module")
def one_hot(tmp_path_factory):
    """Four models, each of which is for one stem."""
    folder = tmp_path_factory.mktemp("bag")
    paths = [
        save_safetensors(make_model(HTDemucs, seed), folder / f"{seed}.safetensors")
        for seed in range(4)
    ]
    return ModelFiles("one-hot", tuple(paths), ONE_HOT)


@pytest.fixture
def calls():
    """Counts the calls of each model that is in memory."""
    counter = Counter()

    def count(module, inputs, output):
        if isinstance(module, HTDemucs):
            counter[id(module)] += 1

    handle = torch.nn.modules.module.register_module_forward_hook(count)
    yield counter
    handle.remove()


@pytest.mark.parametrize("shifts", [0, 2])
def test_one_stem_of_a_one_hot_bag_is_the_bags_and_runs_one_model(one_hot, calls, shifts):
    mix = make_mix(20_000)
    whole = separate(engine_for(one_hot), mix, shifts=shifts)
    assert len(calls) == 4
    calls.clear()
    (vocals,) = separate(engine_for(one_hot), mix, ["vocals"], shifts=shifts)
    assert len(calls) == 1
    np.testing.assert_array_equal(vocals, whole[SOURCES.index("vocals")])


def test_one_stem_of_a_one_hot_bag_takes_at_most_30_percent_of_the_time(one_hot):
    engine, mix = engine_for(one_hot), make_mix(24_000)

    def seconds(stems):
        start = time.process_time()
        separate(engine, mix, stems)
        return time.process_time() - start

    seconds(SOURCES)
    ratios = [seconds(["vocals"]) / seconds(SOURCES) for _ in range(3)]
    assert min(ratios) <= 0.3


def test_stems_come_in_the_wished_order(one_hot):
    mix = make_mix(9000)
    engine = engine_for(one_hot)
    whole = separate(engine, mix)
    np.testing.assert_array_equal(separate(engine, mix, ["vocals", "drums"]), whole[[3, 0]])


def test_a_checkpoint_that_is_listed_twice_is_run_once(one_hot, calls):
    path = one_hot.paths[0]
    mix = make_mix(9000)
    once = separate(engine_for(ModelFiles("once", (path,))), mix)
    number = sum(calls.values())
    twice = separate(engine_for(ModelFiles("twice", (path, path))), mix)
    assert sum(calls.values()) == 2 * number
    np.testing.assert_array_equal(once, twice)


def test_weights_are_read_when_a_stem_needs_them(one_hot, tmp_path):
    paths = []
    for path in one_hot.paths:
        copy = tmp_path / path.name
        copy.write_bytes(path.read_bytes())
        paths.append(copy)
    engine = engine_for(ModelFiles("bag", tuple(paths), ONE_HOT))
    mix = make_mix(9000)
    separate(engine, mix, ["drums"])
    for path in paths:
        path.unlink()
    separate(engine, mix, ["drums"])
    with pytest.raises(CheckpointError, match=r"1\.safetensors"):
        separate(engine, mix, ["bass"])


def test_an_unknown_stem_is_refused_before_anything_runs(one_hot):
    with pytest.raises(UsageError, match="no stem 'piano'; its stems are drums, bass, other, voc"):
        separate(engine_for(one_hot), make_mix(10), ["piano"])


def test_models_that_differ_are_no_bag(one_hot, tmp_path):
    other = save_safetensors(make_model(HDemucs, samplerate=16_000), tmp_path / "other.safetensors")
    with pytest.raises(CheckpointError, match="one bag: their sample_rate are 16000 and 8000"):
        engine_for(ModelFiles("bag", (one_hot.paths[0], other)))


def test_gains_are_the_weights_parts_of_each_stem():
    bag = Bag([A, B], [[1.0, 3.0], [1.0, 1.0]], ["x", "y"])
    assert bag.runs([0, 1], 0, 0, 8000) == [Run(A, 0, (0.5, 0.75)), Run(B, 0, (0.5, 0.25))]
    assert Bag([A, B, A], None, ["x"]).runs([0], 0, 0, 8000) == [
        Run(A, 0, (pytest.approx(2 / 3),)),
        Run(B, 0, (pytest.approx(1 / 3),)),
    ]


def test_shifts_are_reproducible_and_the_same_for_any_choice_of_stems():
    bag = Bag([A, B], [[1.0, 0.0], [0.0, 1.0]], ["x", "y"])
    both = bag.runs([0, 1], 3, 5, 8000)
    assert both == bag.runs([0, 1], 3, 5, 8000) != bag.runs([0, 1], 3, 6, 8000)
    leads = [run.lead_frames for run in both if run.path == B]
    assert [run.lead_frames for run in bag.runs([1], 3, 5, 8000)] == leads
    assert all(0 <= run.lead_frames <= 4000 for run in both)
    assert len(set(leads)) == 3


@pytest.mark.parametrize("weights", [[[1.0, 1.0]], [[1.0], [1.0]], [[1.0, 1.0], [1.0]]])
def test_weights_of_another_shape_are_refused(weights):
    with pytest.raises(CheckpointError, match="must be 2 rows of 2 numbers"):
        Bag([A, B], weights, ["x", "y"])


def test_a_stem_without_weight_is_refused():
    with pytest.raises(CheckpointError, match="weights for stem 'y' sum to 0"):
        Bag([A], [[1.0, 0.0]], ["x", "y"])
