"""The same separation by NeuraLib and by demucs, and how far they are apart."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import Any

import demucs.apply
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from neuralib.engines.base import Normalisation
from neuralib.engines.demucs.engine import Demucs
from neuralib.engines.device import Placement
from neuralib.models.files import ModelFiles
from tests.demucs_checkpoints import SOURCES

Samples = NDArray[np.float32]


def make_mix(frames: int, channels: int = 2) -> Samples:
    """Brown noise: (channels, frames)."""
    steps = np.random.default_rng(frames).standard_normal((channels, frames))
    mix = steps.cumsum(axis=1)
    mix -= mix.mean(axis=1, keepdims=True)
    return np.asarray(0.3 * mix / max(abs(mix).max(), 1e-9), np.float32)


def level(mix: Samples) -> Normalisation:
    """Mean and deviation of the mono mix, as demucs measures them."""
    mono = mix.mean(axis=0, dtype=np.float64)
    deviation = mono.std(ddof=1) if mono.size > 1 else 0.0
    return Normalisation(float(mono.mean()), float(deviation))


def engine_for(files: ModelFiles, precision: Any = "fp32") -> Demucs:
    """A loaded engine on the processor."""
    engine = Demucs(files, Placement("cpu", precision))
    engine.load()
    return engine


def blocks_of(mix: Samples, frames: int = 65_536) -> Iterator[Samples]:
    for start in range(0, mix.shape[-1], frames):
        yield mix[:, start : start + frames]


def separate(
    engine: Demucs,
    mix: Samples,
    stems: Sequence[str] = SOURCES,
    *,
    overlap: float = 0.25,
    shifts: int = 0,
    seed: int = 0,
    block_frames: int = 65_536,
) -> Samples:
    """NeuraLib's stems: (stems, channels, frames)."""
    parts = engine.separate(
        blocks_of(mix, block_frames), level(mix), stems, overlap=overlap, shifts=shifts, seed=seed
    )
    return np.concatenate(list(parts), axis=-1)


def separate_by_demucs(
    model: torch.nn.Module,
    mix: Samples,
    *,
    overlap: float = 0.25,
    shifts: int = 0,
    seed: int = 0,
) -> Samples:
    """demucs' stems, normalised as in `demucs.api`: (sources, channels, frames)."""
    measured = level(mix)
    mean, std = measured.mean, measured.std + 1e-8
    normalised = (torch.from_numpy(mix) - mean) / std
    with pytest.MonkeyPatch.context() as patch, torch.no_grad():
        # demucs draws its shifts from the global generator, which HTDemucs uses up as well.
        patch.setattr(demucs.apply, "random", random.Random(seed))
        stems = demucs.apply.apply_model(model, normalised[None], shifts=shifts, overlap=overlap)
    return np.asarray(stems[0] * std + mean)


def snr_db(reference: Samples, other: Samples) -> float:
    """The least signal-to-noise ratio of the stems, in dB."""
    assert reference.shape == other.shape
    signal = np.square(reference, dtype=np.float64).sum(axis=(1, 2))
    noise = np.square(reference.astype(np.float64) - other).sum(axis=(1, 2))
    return float(10 * np.log10(signal / np.maximum(noise, 1e-30)).min())
