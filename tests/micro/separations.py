"""Voices as the micro HTDemucs gives them back: out of a mix, with what it leaves of the band."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soxr
import torch
from demucs.hf import load_safetensors_model
from demucs.htdemucs import HTDemucs
from numpy.typing import NDArray
from whisper.audio import SAMPLE_RATE

from tests.micro import song
from tests.micro.train_htdemucs import SOURCES, separate

Mono = NDArray[np.float32]


def separator() -> HTDemucs:
    """The committed micro HTDemucs."""
    path = Path(song.__file__).with_name("htdemucs_micro.safetensors")
    model = load_safetensors_model(path)
    assert isinstance(model, HTDemucs)
    return model


def separated_voice(model: HTDemucs, mix: Mono) -> Mono:
    """What the separator takes for the voice.

    Args:
        model: from `separator`.
        mix: shape `(2, frames)` at 44 100 Hz.

    Returns:
        Mono at 16 kHz, as Whisper wants it.
    """
    voice = separate(model, torch.from_numpy(mix))[SOURCES.index("vocals")].numpy()
    return for_whisper(voice)


def for_whisper(stereo: Mono) -> Mono:
    """Mono at 16 kHz from shape `(2, frames)` at 44 100 Hz."""
    mono: Mono = soxr.resample(stereo.mean(axis=0), song.SAMPLE_RATE, SAMPLE_RATE)
    return mono


def separated(model: HTDemucs, dry: Mono, seed: int) -> Mono:
    """Let a band play with a voice, and separate the voice.

    Args:
        model: from `separator`.
        dry: the voice, mono at 22 050 Hz.
        seed: chooses the band, the room and the level of the voice.

    Returns:
        Mono at 16 kHz.
    """
    rng = np.random.default_rng(seed)
    voice = song.vocals(dry, seed=seed, level_decibels=rng.uniform(-22.0, -15.0))
    stems = song.band(seed, voice.shape[1] / song.SAMPLE_RATE).values()
    return separated_voice(model, np.asarray(voice + sum(stems), np.float32))
