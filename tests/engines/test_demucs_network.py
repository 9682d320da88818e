"""PyTorch separates several segments at once, as a GPU does: the same stems."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from demucs.demucs import Demucs
from demucs.hdemucs import HDemucs
from demucs.htdemucs import HTDemucs

from neuralib.engines.demucs.engine import Demucs as Engine
from neuralib.engines.demucs.files import read_checkpoint
from neuralib.engines.demucs.network import DemucsNetwork
from neuralib.engines.device import Placement
from neuralib.errors import DeviceMissing
from neuralib.models.files import ModelFiles
from tests.demucs_checkpoints import make_model, save_safetensors
from tests.demucs_runs import engine_for, make_mix, separate, snr_db

CPU = Placement("cpu", "fp32")
MIX = make_mix(8000 * 4 + 777)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("checkpoint")
    return save_safetensors(make_model(HTDemucs), folder / "small.safetensors")


def batched(path: Path, batch: int, precision: Any = "fp32") -> tuple[Engine, DemucsNetwork]:
    """An engine whose network takes `batch` segments at once."""
    engine = engine_for(ModelFiles("small", (path,)), precision)
    network = DemucsNetwork(read_checkpoint(path), None, engine.placement, batch)
    engine._networks[path] = network
    return engine, network


def calls_of(network: DemucsNetwork, most: int = 99) -> list[int]:
    """How many segments the model is called with; more than `most` do not fit."""
    model, sizes = network._model, []

    def forward(mix: torch.Tensor) -> torch.Tensor:
        sizes.append(len(mix))
        if len(mix) > most:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB.")
        return type(model).forward(model, mix)

    model.forward = forward
    return sizes


@pytest.mark.parametrize("klass", [HTDemucs, HDemucs, Demucs])
def test_segments_side_by_side(tmp_path: Path, klass: type[torch.nn.Module]) -> None:
    path = save_safetensors(make_model(klass), tmp_path / "small.safetensors")
    engine, network = batched(path, 3)
    sizes = calls_of(network)
    alone = separate(engine_for(ModelFiles("small", (path,))), MIX)
    assert snr_db(alone, separate(engine, MIX)) > 100
    assert max(sizes) == 3
    first = list(sizes)
    np.testing.assert_array_equal(separate(engine, MIX), separate(engine, MIX, block_frames=777))
    assert sizes[len(first) :] == first + first


def test_shifted_runs_share_a_batch(checkpoint: Path) -> None:
    engine, _ = batched(checkpoint, 4)
    options: dict[str, Any] = {"overlap": 0.5, "shifts": 3, "seed": 1}
    alone = separate(engine_for(ModelFiles("small", (checkpoint,))), MIX, ("bass",), **options)
    assert snr_db(alone, separate(engine, MIX, ("bass",), **options)) > 100


@pytest.mark.parametrize(("most", "sizes"), [(2, [5, 2, 2, 1]), (1, [5, 2, 1, 1, 1, 1, 1])])
def test_fewer_at_once_where_memory_is_short(checkpoint: Path, most: int, sizes: list[int]) -> None:
    engine, network = batched(checkpoint, 5)
    called = calls_of(network, most)
    alone = separate(engine_for(ModelFiles("small", (checkpoint,))), MIX)
    assert snr_db(alone, separate(engine, MIX)) > 100
    assert called[: len(sizes)] == sizes
    assert max(called[1:]) <= 2


def test_not_even_one_fits(checkpoint: Path) -> None:
    engine, network = batched(checkpoint, 2)
    calls_of(network, 0)
    with pytest.raises(DeviceMissing, match=r"cpu has too little free memory .* shorter segments"):
        separate(engine, MIX)


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_transforms_stay_in_float32(checkpoint: Path, precision: str) -> None:
    engine, network = batched(checkpoint, 2, precision)
    types = set()

    def noting(function: Callable[..., torch.Tensor]) -> Callable[..., torch.Tensor]:
        def noted(*arguments: Any, **options: Any) -> torch.Tensor:
            result = function(*arguments, **options)
            types.update({arguments[0].dtype, result.dtype})
            return result

        return noted

    network._model._spec = noting(network._model._spec)
    network._model._ispec = noting(network._model._ispec)
    exact = separate(engine_for(ModelFiles("small", (checkpoint,))), MIX)
    assert snr_db(exact, separate(engine, MIX)) > 40
    assert types == {torch.float32, torch.complex64}


def test_what_is_left_alone_is_not_separated_later(checkpoint: Path) -> None:
    _, network = batched(checkpoint, 2)
    sizes = calls_of(network)
    segment = make_mix(network.segment_frames)
    network.start(segment, [0])
    network.stop()
    separated = network.start(segment, [0]), network.start(segment, [0])
    assert [each.result(60).shape for each in separated] == [(1, *segment.shape)] * 2
    assert sizes == [2]


def test_other_stems_are_separated_apart(checkpoint: Path) -> None:
    _, network = batched(checkpoint, 3)
    segment = make_mix(network.segment_frames)
    separated = [network.start(segment, stems) for stems in ([0, 1], [0, 1], [2])]
    network.flush()
    assert [len(each.result(60)) for each in separated] == [2, 2, 1]


def test_the_processor_takes_over_from_mps(
    checkpoint: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """As where Apple's GPU lacks a layer: its error is raised here by a model that stays."""
    run, to = DemucsNetwork._run, torch.nn.Module.to

    def lacking(self: DemucsNetwork, *arguments: Any) -> Any:
        if self.placement.device == "mps":
            raise NotImplementedError("The operator 'aten::x' is not implemented for MPS.")
        return run(self, *arguments)

    monkeypatch.setattr(DemucsNetwork, "_run", lacking)
    monkeypatch.setattr(torch.nn.Module, "to", lambda self, device: to(self, "cpu"))
    files = ModelFiles("small", (checkpoint,))
    engine = Engine(files, Placement("mps", "fp16"))
    engine.load()
    assert engine.placement == CPU
    assert "mps lacks what this model needs (The operator 'aten::x'" in caplog.text
    np.testing.assert_array_equal(separate(engine, MIX), separate(engine_for(files), MIX))
