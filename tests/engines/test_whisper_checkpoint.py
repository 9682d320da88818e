"""Reading OpenAI's checkpoints: what is one, and what is told apart from one."""

from __future__ import annotations

import os
import pickle
from pathlib import Path
from typing import Any

import pytest
import torch

from neuralib.engines.whisper.checkpoint import read_checkpoint
from neuralib.errors import CheckpointError
from tests.whisper_checkpoints import write_random_checkpoint

Content = dict[str, Any]


class Touch:
    """Makes a file as it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.path),)


@pytest.fixture
def content(tmp_path: Path) -> Content:
    return dict(torch.load(write_random_checkpoint(tmp_path / "good.pt"), weights_only=True))


def refused(content: object, path: Path) -> str:
    torch.save(content, path)
    with pytest.raises(CheckpointError) as caught:
        read_checkpoint(path)
    assert str(path) in caught.value.message
    return caught.value.message


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_weights_are_read_as_they_are(tmp_path: Path, dtype: torch.dtype) -> None:
    path = write_random_checkpoint(tmp_path / "model.pt", dtype=dtype)
    checkpoint = read_checkpoint(path)
    expected = torch.load(path, weights_only=True)["model_state_dict"]
    assert checkpoint.dims.multilingual
    assert checkpoint.dims.num_languages == 99
    assert checkpoint.weights.keys() == expected.keys()
    for name, tensor in checkpoint.weights.items():
        assert tensor.dtype == dtype
        assert torch.equal(tensor, expected[name])


def test_a_checkpoint_in_the_form_before_zip_is_read(tmp_path: Path, content: Content) -> None:
    path = tmp_path / "old.pt"
    torch.save(content, path, _use_new_zipfile_serialization=False)
    assert read_checkpoint(path).dims.n_audio_state == 64


@pytest.mark.parametrize("zipped", [True, False])
def test_code_in_a_checkpoint_is_not_run(tmp_path: Path, content: Content, zipped: bool) -> None:
    trap, path = tmp_path / "trap", tmp_path / "hostile.pt"
    hostile = {**content, "extra": Touch(trap)}
    torch.save(hostile, path, _use_new_zipfile_serialization=zipped)
    with pytest.raises(CheckpointError, match=r"wants to run \w+\.\w+ when it is loaded, which "):
        read_checkpoint(path)
    assert not trap.exists()


def test_a_bare_hostile_pickle_is_not_run(tmp_path: Path) -> None:
    trap, path = tmp_path / "trap", tmp_path / "hostile.pt"
    path.write_bytes(pickle.dumps(Touch(trap)))
    with pytest.raises(CheckpointError, match="was not loaded"):
        read_checkpoint(path)
    assert not trap.exists()


@pytest.mark.parametrize("data", [b"", b"not a checkpoint\n", b"PK\x03\x04", bytes(1000)])
def test_other_bytes_are_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "other.pt"
    path.write_bytes(data)
    with pytest.raises(CheckpointError, match="is damaged, or holds more than weights"):
        read_checkpoint(path)


@pytest.mark.parametrize("part", [0.02, 0.5, 0.999])
def test_a_cut_checkpoint_is_refused(tmp_path: Path, part: float) -> None:
    path = write_random_checkpoint(tmp_path / "cut.pt")
    os.truncate(path, int(path.stat().st_size * part))
    with pytest.raises(CheckpointError, match="damaged"):
        read_checkpoint(path)


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="damaged"):
        read_checkpoint(tmp_path)


@pytest.mark.parametrize("other", [{}, [1], torch.zeros(3), {"dims": {}, "state": {}}])
def test_other_pytorch_files_are_refused(tmp_path: Path, other: object) -> None:
    assert "lacks dims" in refused(other, tmp_path / "other.pt")


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("n_mels", 100, "80 or 128"),
        ("n_audio_ctx", 750, "n_audio_ctx is 750"),
        ("n_text_ctx", 100, "a Whisper has 448"),
        ("n_vocab", 1000, "n_vocab is 1000"),
        ("n_text_state", 128, "differ"),
        ("n_audio_head", 3, "do not divide into 3 heads"),
        ("n_audio_layer", 10**9, "1 to 128"),
        ("n_text_head", 0, "whole number"),
        ("n_text_head", 2.0, "whole number"),
        ("n_text_head", True, "whole number"),
        ("n_audio_layer", 3, "missing or too many"),
        ("n_vocab", 51866, "shape"),
    ],
)
def test_dims_that_do_not_fit_are_refused(
    tmp_path: Path, content: Content, name: str, value: object, message: str
) -> None:
    content["dims"][name] = value
    assert message in refused(content, tmp_path / "odd.pt")


def test_missing_and_further_dims_are_refused(tmp_path: Path, content: Content) -> None:
    del content["dims"]["n_mels"]
    assert "its dims are not n_mels" in refused(content, tmp_path / "less.pt")
    content["dims"] |= {"n_mels": 80, "n_more": 1}
    assert "its dims are not n_mels" in refused(content, tmp_path / "more.pt")


def test_weights_that_do_not_fit_are_refused(tmp_path: Path, content: Content) -> None:
    state, name = content["model_state_dict"], "encoder.ln_post.bias"
    good = state.pop(name)
    assert name in refused(content, tmp_path / "less.pt")
    state[name] = good[:-1].clone()
    assert f"{name} has not the shape (64,)" in refused(content, tmp_path / "short.pt")
    state[name] = good.int()
    assert "torch.int32, not floating point" in refused(content, tmp_path / "whole.pt")
    state[name] = "text"
    assert "shape" in refused(content, tmp_path / "text.pt")
    content["model_state_dict"] = [good]
    assert "not those of a Whisper" in refused(content, tmp_path / "list.pt")
