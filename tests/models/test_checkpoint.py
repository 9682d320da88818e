"""Telling checkpoints by their frames, whatever their names say."""

from __future__ import annotations

import contextlib
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from neuralib.errors import CheckpointError
from neuralib.models.bag import read_bag
from neuralib.models.checkpoint import FORMS, form_of, kind_of
from tests.models.checkpoints import bag, demucs, onnx, safetensors, whisper

NMP_START = bytes.fromhex("080812077466326f6e6e78")


def test_forms_are_told_whatever_the_suffix(tmp_path: Path) -> None:
    assert form_of(safetensors(tmp_path / "a.bin"), "separate") == "safetensors"
    assert form_of(demucs(tmp_path / "b.bin"), "separate") == "demucs"
    assert form_of(demucs(tmp_path / "c.bin", legacy=True), "separate") == "demucs"
    assert form_of(whisper(tmp_path / "d.bin"), "transcribe") == "whisper"
    assert form_of(onnx(tmp_path / "e.bin"), "midi") == "onnx"


def test_the_graph_of_basic_pitch_is_told(tmp_path: Path) -> None:
    path = tmp_path / "nmp.onnx"
    path.write_bytes(NMP_START + bytes(100))
    assert kind_of(path) == "midi"


@pytest.mark.parametrize("make", [safetensors, demucs, whisper, onnx])
def test_every_form_is_of_one_task_and_refused_by_the_others(tmp_path: Path, make: object) -> None:
    path = make(tmp_path / "file")
    own = kind_of(path)
    for kind in FORMS:
        if kind != own:
            with pytest.raises(CheckpointError, match=f"; {kind} takes "):
                form_of(path, kind)


def test_a_torch_file_of_something_else_is_refused(tmp_path: Path) -> None:
    import torch

    path = tmp_path / "weights.pt"
    torch.save({"w": torch.ones(2)}, path)
    with pytest.raises(CheckpointError, match="neither Demucs' nor Whisper's entries; transcribe"):
        form_of(path, "transcribe")
    with pytest.raises(CheckpointError, match="not a checkpoint that is known here"):
        kind_of(path)


def test_an_archive_of_something_else_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "songs.th"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("song.txt", "la")
    with pytest.raises(CheckpointError, match=r"songs\.th is not a checkpoint"):
        form_of(path, "separate")


@pytest.mark.parametrize(
    ("make", "kind"), [(safetensors, "separate"), (demucs, "separate"), (whisper, "transcribe")]
)
def test_a_checkpoint_that_is_cut_short_is_refused(tmp_path: Path, make: object, kind: str) -> None:
    path = make(tmp_path / "file")
    whole = path.read_bytes()
    for length in range(1, len(whole), 7):
        path.write_bytes(whole[:length])
        with pytest.raises(CheckpointError):
            form_of(path, kind)


def test_what_cannot_be_opened_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"cannot read checkpoint .*: No such file"):
        form_of(tmp_path / "none", "midi")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
@given(
    head=st.sampled_from(
        [b"", b"PK\x03\x04", b"\x08\x08\x12", b"\x10\0\0\0\0\0\0\0{", b"\x80\x02\x8a"]
    ),
    content=st.binary(max_size=300),
)
def test_any_bytes_are_told_or_refused(tmp_path: Path, head: bytes, content: bytes) -> None:
    path = tmp_path / "any"
    path.write_bytes(head + content)
    for kind, forms in FORMS.items():
        with contextlib.suppress(CheckpointError):
            assert form_of(path, kind) in forms


@pytest.mark.parametrize("beside", ["aa.safetensors", "aa.th", "aa-01234567.th"])
def test_a_bag_finds_its_checkpoints_under_each_name(tmp_path: Path, beside: str) -> None:
    path = bag(tmp_path, "models: ['aa']\n")
    (safetensors if beside.endswith("safetensors") else demucs)(tmp_path / beside)
    assert [each.name for each in read_bag(path).paths] == [beside]


def test_a_bag_prefers_safetensors_and_is_not_confused_by_similar_names(tmp_path: Path) -> None:
    path = bag(tmp_path, "models: [aa]\n", "aa", "aab", "a")
    demucs(tmp_path / "aa-01234567.th")
    demucs(tmp_path / "aa-bb-01234567.th")
    assert read_bag(path).paths == (tmp_path / "aa.safetensors",)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no list `models`"),
        ("models: aa\n", "no list `models`"),
        ("models: []\n", "no list `models`"),
        ("[1, 2]\n", "no list `models`"),
        ("models: [aa\n", "not YAML"),
        ("models: [zz]\n", r"names zz, but neither zz\.safetensors nor zz-….th is in"),
        ("models: [../aa]\n", "'../aa' is not a signature"),
        ("models: ['']\n", "'' is not a signature"),
        ("models: [aa, aa]\nweights: [[1, 0]]\n", "2 rows of numbers"),
        ("models: [aa, aa]\nweights: [[1, 0], [1]]\n", "2 rows of numbers"),
        ("models: [aa]\nweights: [[]]\n", "1 rows of numbers"),
        ("models: [aa]\nweights: 3\n", "1 rows of numbers"),
        ("models: [aa]\nweights: [[x]]\n", "1 rows of numbers"),
        ("models: [aa]\nsegment: long\n", "'long', not a number of seconds"),
        ("models: [aa]\nsegment: -1\n", "-1, not a number of seconds"),
        ("models: [aa]\nsegment: true\n", "True, not a number of seconds"),
        ("models: [aa]\nsegment: .inf\n", "inf, not a number of seconds"),
        ("models: [aa]\nweights: [[.nan]]\n", r"give a stem no weight: .* \[nan\]"),
        ("models: [aa]\nweights: [[1, 0]]\n", r"give a stem no weight: .* \[1\.0, 0\.0\]"),
    ],
)
def test_what_is_no_bag_is_refused(tmp_path: Path, text: str, says: str) -> None:
    path = bag(tmp_path, text, "aa")
    with pytest.raises(CheckpointError, match=says):
        read_bag(path)


def test_a_bag_of_bytes_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bag.yaml"
    path.write_bytes(b"\xff\xfe\x00\x81")
    with pytest.raises(CheckpointError, match="is not a bag"):
        read_bag(path)


def test_a_bag_that_would_build_objects_is_refused(tmp_path: Path) -> None:
    path = bag(tmp_path, "models: !!python/object/apply:os.getcwd []\n")
    with pytest.raises(CheckpointError, match="is not a bag"):
        read_bag(path)


def test_a_damaged_checkpoint_of_a_bag_is_named(tmp_path: Path) -> None:
    path = bag(tmp_path, "models: [aa]\n", "aa")
    (tmp_path / "aa.safetensors").write_bytes(b"nothing")
    with pytest.raises(CheckpointError, match=r"aa\.safetensors is not a checkpoint"):
        read_bag(path)
