"""Checkpoints of random weights, and noise, to measure separation on."""

from __future__ import annotations

import sys
from pathlib import Path

import soundfile

from benchmarks.process import ROOT, measure
from tests.audio_files import noise

MICRO = ROOT / "tests" / "micro" / "htdemucs_micro.safetensors"
RANDOM = {
    "full": "HTDemucs, 0, **FULL_SIZE",
    "thin": "Demucs, 0, channels=4, depth=2, lstm_layers=0, segment=8",
}
"""`full`: as large as the released htdemucs; `thin`: a time-domain Demucs, so small that an hour
takes minutes, with segments as long."""
RATE = 44100


def random_model(folder: Path, what: str) -> Path:
    """Make a checkpoint in a process of its own: a child's peak counts its parent's size."""
    path = folder / "htdemucs.safetensors"
    code = (
        "import pathlib; from demucs.demucs import Demucs; from demucs.htdemucs import HTDemucs; "
        "from tests.demucs_checkpoints import FULL_SIZE, make_model, save_safetensors; "
        f"save_safetensors(make_model({what}), pathlib.Path({str(path)!r}))"
    )
    measure([sys.executable, "-c", code], folder)
    return path


def write_song(path: Path, minutes: float) -> Path:
    """Write stereo noise, a second at a time."""
    with soundfile.SoundFile(path, "w", RATE, 2, "PCM_16") as file:
        for second in range(round(minutes * 60)):
            file.write(noise(RATE, seed=second).T)
    return path
