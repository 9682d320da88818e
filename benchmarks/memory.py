"""How memory grows with the song: `python -m benchmarks.memory [--model M] [MINUTES ...]`.

Runs `neuralib separate` on noise of several lengths, each in a process of its own, and prints
peak memory as a ratio to the first length. M is a path to a checkpoint, or `full`: random weights,
as large as the released htdemucs, or `thin`: a small time-domain Demucs with segments as
long, so that an hour takes minutes. Without it the micro HTDemucs runs.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import soundfile

from benchmarks.process import NEURALIB, ROOT, measure
from tests.audio_files import noise

MICRO = ROOT / "tests" / "micro" / "htdemucs_micro.safetensors"
RANDOM = {
    "full": "HTDemucs, 0, **FULL_SIZE",
    "thin": "Demucs, 0, channels=4, depth=2, lstm_layers=0, segment=8",
}
RATE = 44100


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--model", default=str(MICRO))
    arguments.add_argument("minutes", nargs="*", type=float, default=[3.0, 60.0])
    chosen = arguments.parse_args()
    print("| minutes | peak MB | ratio | CPU s | wall s |\n|---|---|---|---|---|", flush=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        what = RANDOM.get(chosen.model)
        model = random_model(folder, what) if what else Path(chosen.model).resolve()
        first = None
        for length in chosen.minutes:
            song = write_song(folder / "song.wav", length)
            words = ["separate", str(song), "-o", str(folder / "out"), "--model", str(model)]
            cost = measure([*NEURALIB, *words], folder)
            first = first or cost.peak_mb
            print(
                f"| {length:g} | {cost.peak_mb:.0f} | {cost.peak_mb / first:.2f} "
                f"| {cost.cpu_seconds:.0f} | {cost.seconds:.0f} |",
                flush=True,
            )


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


if __name__ == "__main__":
    main()
