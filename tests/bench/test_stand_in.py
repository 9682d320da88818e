"""Random weights are of the released sizes, and engines read them as any checkpoint."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from neuralib.bench.stand_in import HTDEMUCS, SMALL, write_stand_in
from neuralib.engines.base import Recogniser
from neuralib.engines.demucs.files import read_checkpoint
from neuralib.engines.pool import Engines
from neuralib.models.store import Store
from neuralib.progress import silent
from neuralib.tasks import TranscribeTask
from tests import demucs_checkpoints, whisper_checkpoints


def test_sizes_are_those_of_the_default_models() -> None:
    known = {key: HTDEMUCS[key] for key in demucs_checkpoints.FULL_SIZE if key != "segment"}
    assert known == {
        key: value for key, value in demucs_checkpoints.FULL_SIZE.items() if key != "segment"
    }
    assert SMALL == whisper_checkpoints.SMALL


def test_demucs_is_read(tmp_path: Path) -> None:
    path = write_stand_in("separate", tmp_path, channels=8, t_layers=1, bottom_channels=0)
    assert read_checkpoint(path).sources == ("drums", "bass", "other", "vocals")


def test_whisper_says_so_many_tokens_a_window(tmp_path: Path) -> None:
    path = write_stand_in("transcribe", tmp_path, **whisper_checkpoints.TINY)
    task = TranscribeTask(model=str(path), language="en", temperature=(0.0,))
    engine = Engines(Store(tmp_path / "models"), "cpu").get(task)
    assert isinstance(engine, Recogniser)
    loud = np.arange(16_000 * 5) // 4000 % 2
    samples = np.float32(0.3) * np.random.default_rng(0).standard_normal(loud.size) * loud
    text = engine.transcribe(samples.astype(np.float32), task, silent).text
    assert text.strip()
