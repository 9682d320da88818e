"""Checkpoints are read without running code from them, and damaged ones are named."""

import json
import os
import pickle
import re
import subprocess
import sys
import zipfile
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from demucs.demucs import Demucs
from demucs.hdemucs import HDemucs
from demucs.htdemucs import HTDemucs
from safetensors.torch import save_file

from neuralib.engines.demucs.files import read_checkpoint
from neuralib.errors import CheckpointError, EngineMissing
from tests.demucs_checkpoints import SOURCES, make_model, save_package, save_safetensors

CLASSES = (HTDemucs, HDemucs, Demucs)
ROOT = Path(__file__).parent.parent.parent


@pytest.mark.parametrize("save", [save_safetensors, save_package])
@pytest.mark.parametrize("klass", CLASSES)
def test_description_and_weights_come_back(tmp_path, klass, save):
    model = make_model(klass, segment=Fraction(3, 4))
    checkpoint = read_checkpoint(save(model, tmp_path / "model.anything"))
    assert (checkpoint.klass, checkpoint.sources) == (klass, SOURCES)
    assert (checkpoint.sample_rate, checkpoint.channels) == (8000, 2)
    assert checkpoint.arguments["segment"] == Fraction(3, 4)
    built = checkpoint.build()
    assert not built.training
    for key, weight in model.state_dict().items():
        expected = weight if save is save_safetensors else weight.half().float()
        assert torch.equal(built.state_dict()[key], expected)


def test_building_leaves_the_random_numbers_alone(tmp_path):
    checkpoint = read_checkpoint(save_safetensors(make_model(HTDemucs), tmp_path / "model"))
    before = torch.get_rng_state()
    checkpoint.build()
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("core", [b"numpy.core.multiarray", b"numpy._core.multiarray"])
def test_scalars_of_numpy_among_the_training_arguments(tmp_path, core):
    """As numpy 1 and numpy 2 pickle them."""
    scalars = {"lr": np.float64(1e-3), "epochs": np.int64(360), "seed": np.float32(1)}
    path = save_package(make_model(HTDemucs), tmp_path / "model.th", training_args=scalars)
    with zipfile.ZipFile(path) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in entries.items():
            archive.writestr(name, re.sub(rb"numpy\._?core\.multiarray", core, content))
    assert read_checkpoint(path).build().sources == list(SOURCES)


def test_arguments_that_are_no_longer_known_are_dropped(tmp_path):
    model = make_model(HTDemucs)
    model._init_args_kwargs[1]["use_train_segments"] = True
    checkpoint = read_checkpoint(save_safetensors(model, tmp_path / "model.safetensors"))
    assert "use_train_segments" not in checkpoint.arguments


class _Touch:
    """Unpickling it makes a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.system, (f"touch {self.path}",)


@pytest.mark.parametrize("place", ["klass", "kwargs", "state", "training_args"])
def test_code_in_a_package_is_refused_and_not_run(tmp_path, place):
    trace = tmp_path / "trace"
    path = tmp_path / "model.th"
    save_package(make_model(HTDemucs), path, **{place: _Touch(trace)})
    with pytest.raises(CheckpointError, match=r"wants to run \w+\.system .* take the model as"):
        read_checkpoint(path)
    assert not trace.exists()


def test_a_bare_pickle_is_refused_and_not_run(tmp_path):
    trace = tmp_path / "trace"
    path = tmp_path / "model.th"
    path.write_bytes(pickle.dumps({"klass": _Touch(trace)}, protocol=2))
    with pytest.raises(CheckpointError, match=r"model\.th"):
        read_checkpoint(path)
    assert not trace.exists()


def test_a_safetensors_file_cannot_name_any_class(tmp_path):
    path = save_safetensors(make_model(HTDemucs), tmp_path / "model", klass="os.system")
    with pytest.raises(CheckpointError, match=r"weights of os\.system, not of Demucs"):
        read_checkpoint(path)


def test_a_structure_cannot_name_any_class(tmp_path):
    structure = json.dumps({"_dict": [["__quantized", {"_class": "os.system"}]]})
    path = save_safetensors(make_model(HTDemucs), tmp_path / "model", structure=structure)
    with pytest.raises((CheckpointError, EngineMissing)):
        read_checkpoint(path).build()


def text(path):
    path.write_text("I am a song, not a model\n" * 100)


def empty(path):
    path.touch()


def truncated(path):
    save_safetensors(make_model(HTDemucs), path)
    path.write_bytes(path.read_bytes()[:-1000])


def truncated_package(path):
    save_package(make_model(HTDemucs), path)
    path.write_bytes(path.read_bytes()[:-1000])


def whisper(path):
    torch.save({"dims": {"n_mels": 80}, "model_state_dict": {"a": torch.zeros(1)}}, path)


def other_safetensors(path):
    save_file({"a": torch.zeros(1)}, path)


def bare_state(path):
    torch.save(make_model(HTDemucs).state_dict(), path)


def package_from_before_pytorch_1_6(path):
    save_package(make_model(HTDemucs), path)
    package = torch.load(path, weights_only=False)
    torch.save(package, path, _use_new_zipfile_serialization=False)


def damaged_pickle(path):
    save_package(make_model(HTDemucs), path)
    whole = path.read_bytes()
    at = whole.index(b"klass")
    path.write_bytes(whole[: at - 20] + b"x" * 20 + whole[at:])


def class_without_arguments(path):
    torch.save({"klass": HTDemucs}, path)


def arguments_that_are_no_arguments(path):
    save_package(make_model(HTDemucs), path, kwargs=3)


def no_sources(path):
    save_package(make_model(HTDemucs), path, kwargs={"sources": []})


def number_as_sources(path):
    save_package(make_model(HTDemucs), path, kwargs={"sources": 4})


def a_source_outside_the_folder(path):
    save_package(make_model(HTDemucs), path, kwargs={"sources": ["drums", "../vocals"]})


def a_source_twice(path):
    save_package(make_model(HTDemucs), path, kwargs={"sources": ["drums", "drums"]})


def one_word_as_sources(path):
    save_package(make_model(HTDemucs), path, kwargs={"sources": "abcd"})


def words_as_segment(path):
    save_package(make_model(HTDemucs), path, kwargs={"sources": ["a"], "segment": "long"})


def no_end_of_a_segment(path):
    save_package(make_model(HTDemucs), path, kwargs={"sources": ["a"], "segment": float("inf")})


def a_segment_without_a_frame(path):
    save_package(make_model(HTDemucs), path, kwargs={"sources": ["a"], "segment": 1e-6})


def metadata_that_is_not_json(path):
    save_safetensors(make_model(HTDemucs), path, kwargs="{")


def metadata_of_another_kind(path):
    save_safetensors(make_model(HTDemucs), path, kwargs="[1]")


def a_fraction_of_nothing(path):
    segment = {"_type": "fraction", "numerator": 1, "denominator": 0}
    kwargs = json.dumps({"sources": ["a"], "segment": segment})
    save_safetensors(make_model(HTDemucs), path, kwargs=kwargs)


def a_fraction_of_words(path):
    segment = {"_type": "fraction", "numerator": "one", "denominator": 2}
    kwargs = json.dumps({"sources": ["a"], "segment": segment})
    save_safetensors(make_model(HTDemucs), path, kwargs=kwargs)


def metadata_without_an_end(path):
    save_safetensors(make_model(HTDemucs), path, kwargs="[" * 100_000)


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (text, "damaged, or not a checkpoint"),
        (empty, "damaged, or not a checkpoint"),
        (truncated, "damaged, or not a checkpoint"),
        (truncated_package, "damaged, or not a checkpoint"),
        (whisper, "not of a Demucs model"),
        (other_safetensors, "weights of an unnamed model, not of Demucs"),
        (bare_state, "not of a Demucs model"),
        (package_from_before_pytorch_1_6, "damaged, or not a checkpoint"),
        (damaged_pickle, r"damaged, or not a checkpoint \(Unsupported operand"),
        (class_without_arguments, "arguments do not fit HTDemucs"),
        (arguments_that_are_no_arguments, "arguments are no list and no dictionary"),
        (no_sources, r"its sources are \[\]"),
        (number_as_sources, "its sources are 4"),
        (a_source_outside_the_folder, r"its sources are \['drums', '\.\./vocals'\]"),
        (a_source_twice, r"its sources are \['drums', 'drums'\]"),
        (one_word_as_sources, "its sources are 'abcd'"),
        (words_as_segment, "its segment is 'long'"),
        (no_end_of_a_segment, "its segment is inf"),
        (a_segment_without_a_frame, "its segment is 1e-06"),
        (metadata_that_is_not_json, "metadata cannot be read"),
        (metadata_of_another_kind, "arguments are no list and no dictionary"),
        (a_fraction_of_nothing, "metadata cannot be read"),
        (a_fraction_of_words, "metadata cannot be read"),
        (metadata_without_an_end, "metadata cannot be read"),
    ],
)
def test_what_is_no_checkpoint_is_told_in_a_line(tmp_path, make, match):
    path = tmp_path / "model.th"
    make(path)
    with pytest.raises(CheckpointError, match=match) as caught:
        read_checkpoint(path)
    assert str(path) in caught.value.message
    assert len(caught.value.message) < len(str(path)) + 400


def test_a_missing_file_is_told(tmp_path):
    with pytest.raises(CheckpointError, match=r"cannot read checkpoint .*No such file"):
        read_checkpoint(tmp_path / "none.th")


def without_a_weight(state):
    state.pop(next(iter(state)))


def with_one_more(state):
    state["another"] = torch.zeros(1)


def with_another_shape(state):
    key = next(iter(state))
    state[key] = torch.zeros(1, 2, 3)


@pytest.mark.parametrize("change", [without_a_weight, with_one_more, with_another_shape])
def test_weights_that_do_not_fit_are_told(tmp_path, change):
    model = make_model(HTDemucs)
    state = dict(model.state_dict())
    change(state)
    package = save_package(model, tmp_path / "model.th", state=state)
    with pytest.raises(CheckpointError, match=r"weights do not fit the HTDemucs .* fetch or"):
        read_checkpoint(package).build()


def test_a_package_without_weights_is_told(tmp_path):
    path = save_package(make_model(HTDemucs), tmp_path / "model.th", state=None)
    with pytest.raises(CheckpointError, match="weights do not fit"):
        read_checkpoint(path).build()


def test_a_quantised_checkpoint_asks_for_diffq(tmp_path):
    """In a process in which diffq cannot be imported, be it installed or not."""
    path = save_package(
        make_model(HDemucs), tmp_path / "quantised.th", state={"__quantized": True, "meta": {}}
    )
    code = (
        "import sys; sys.modules['diffq'] = None\n"
        "from pathlib import Path\n"
        "from neuralib.engines.demucs.files import read_checkpoint\n"
        "from neuralib.errors import EngineMissing\n"
        "try: read_checkpoint(Path(sys.argv[1])).build()\n"
        "except EngineMissing as error: print(error.message)\n"
    )
    words = [sys.executable, "-c", code, str(path)]
    done = subprocess.run(words, capture_output=True, cwd=ROOT, check=True, text=True)
    assert "pip install 'neuralib[quantized]'" in done.stdout
