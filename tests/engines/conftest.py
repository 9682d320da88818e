"""A random Whisper and a voice, shared by the tests of both Whisper engines."""

from __future__ import annotations

import numpy as np
import pytest
import soxr
import torch
from numpy.typing import NDArray

from neuralib.engines.device import Placement
from neuralib.engines.whisper.faster_whisper import FasterWhisper
from neuralib.engines.whisper.openai_whisper import OpenAIWhisper
from neuralib.models.files import ModelFiles
from neuralib.models.store import Store
from tests.micro.song import SAMPLE_RATE, demo_song
from tests.whisper_checkpoints import write_random_checkpoint

CPU = Placement("cpu", "fp32")


@pytest.fixture(scope="session")
def whisper_store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return Store(tmp_path_factory.mktemp("models"), offline=True)


@pytest.fixture(scope="session")
def whisper_files(tmp_path_factory: pytest.TempPathFactory) -> ModelFiles:
    """A multilingual Whisper with random weights."""
    path = tmp_path_factory.mktemp("checkpoint") / "random.pt"
    return ModelFiles("random", (write_random_checkpoint(path, seed=4),))


@pytest.fixture(scope="session")
def steady_files(tmp_path_factory: pytest.TempPathFactory) -> ModelFiles:
    """A random Whisper that says one segment a window."""
    path = tmp_path_factory.mktemp("checkpoint") / "steady.pt"
    return ModelFiles("steady", (write_random_checkpoint(path, timestamps=False),))


@pytest.fixture(scope="session")
def english_files(tmp_path_factory: pytest.TempPathFactory) -> ModelFiles:
    """An English-only Whisper with random weights."""
    path = tmp_path_factory.mktemp("checkpoint") / "random.en.pt"
    return ModelFiles("random.en", (write_random_checkpoint(path, n_vocab=51864),))


@pytest.fixture(scope="session")
def faster(whisper_files: ModelFiles, whisper_store: Store) -> FasterWhisper:
    return FasterWhisper(whisper_files, CPU, whisper_store.prepared)


@pytest.fixture(scope="session")
def reference(whisper_files: ModelFiles) -> OpenAIWhisper:
    torch.set_num_threads(1)
    return OpenAIWhisper(whisper_files, CPU)


@pytest.fixture(scope="session")
def voice() -> NDArray[np.float32]:
    """Six seconds of the demo song's voice, mono, at 16 kHz."""
    vocals = demo_song().stems["vocals"][:, int(3.5 * SAMPLE_RATE) : int(9.5 * SAMPLE_RATE)]
    return soxr.resample(vocals.mean(axis=0), SAMPLE_RATE, 16_000).astype(np.float32)
