"""How memory grows with the song: `python -m benchmarks.memory [--full-size] [MINUTES ...]`.

Runs `neuralib separate` on noise of several lengths, each in a process of its own, and prints
peak memory as a ratio to the first length. The model is the micro HTDemucs, or with
`--full-size` one of random weights that is as large as the released htdemucs.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import soundfile

from benchmarks.process import NEURALIB, ROOT, measure
from tests.audio_files import noise

DEFAULT_MINUTES = ["3", "60"]
RATE = 44100


def main() -> None:
    full_size = "--full-size" in sys.argv
    minutes = [float(word) for word in sys.argv[1:] if word != "--full-size"]
    print("| minutes | peak MB | ratio | CPU s | wall s |\n|---|---|---|---|---|", flush=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model = full_size_model(folder) if full_size else micro_model()
        first = None
        for length in minutes or map(float, DEFAULT_MINUTES):
            song = write_song(folder / "song.wav", length)
            words = ["separate", str(song), "-o", str(folder / "out"), "--model", str(model)]
            cost = measure([*NEURALIB, *words], folder)
            first = first or cost.peak_mb
            print(
                f"| {length:g} | {cost.peak_mb:.0f} | {cost.peak_mb / first:.2f} "
                f"| {cost.cpu_seconds:.0f} | {cost.seconds:.0f} |",
                flush=True,
            )


def micro_model() -> Path:
    return ROOT / "tests" / "micro" / "htdemucs_micro.safetensors"


def full_size_model(folder: Path) -> Path:
    """Make the checkpoint in a process of its own: a child's peak counts its parent's size."""
    path = folder / "htdemucs.safetensors"
    code = (
        "import pathlib; from demucs.htdemucs import HTDemucs; "
        "from tests.demucs_checkpoints import FULL_SIZE, make_model, save_safetensors; "
        f"save_safetensors(make_model(HTDemucs, 0, **FULL_SIZE), pathlib.Path({str(path)!r}))"
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
