"""`separate` beside demucs' own command: `python -m benchmarks.separate [--seconds 180]`.

Both run in turn as whole commands on the same noise, with the same random weights as large as
the released htdemucs; `one stem` is a bag of four of them, each with the weight for one stem, as
htdemucs_ft is. The stems are compared. Where something else keeps the processor busy, CPU time
tells more than time.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np
import soundfile

from benchmarks.memory import write_song
from benchmarks.process import NEURALIB, ROOT, Cost, measure

SOURCES = ("drums", "bass", "other", "vocals")
MODELS = """
import pathlib, sys
from demucs.htdemucs import HTDemucs
from demucs.states import serialize_model
import torch
from tests.demucs_checkpoints import FULL_SIZE, make_model, save_package
folder = pathlib.Path(sys.argv[1])
for seed in range(4):
    model = make_model(HTDemucs, seed, **FULL_SIZE)
    save_package(model, folder / f"random{seed}.th")
"""
BAG = """models: [random0, random1, random2, random3]
weights: [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]
"""


@dataclass(frozen=True)
class Pair:
    """The same work by both."""

    ours: list[str]
    theirs: list[str]
    ours_at: Path
    theirs_at: Path
    stems: tuple[str, ...]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--only", nargs="*", help="names of the table's first column")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["NEURALIB_MODELS_DIR"] = str(folder / "models")
        write_song(folder / "song.wav", chosen.seconds / 60)
        write_models(folder)
        print(f"{chosen.seconds:g} s of noise, {chosen.rounds} rounds\n")
        print(
            "| work | time, s | theirs | ratio | CPU ratio | MB | theirs | real-time factor | dB |"
        )
        print("|---|---|---|---|---|---|---|---|---|", flush=True)
        for label, pair in pairs(folder).items():
            if not chosen.only or label in chosen.only:
                print(row(label, pair, chosen.rounds, chosen.seconds, folder), flush=True)


def write_models(folder: Path) -> None:
    """Write the checkpoints, in a process of its own: a child's peak counts its parent's size."""
    measure([sys.executable, "-c", MODELS, str(folder)], ROOT)
    (folder / "bag.yaml").write_text(BAG, encoding="utf-8")


def pairs(folder: Path) -> dict[str, Pair]:
    """Give the commands of each row."""

    def both(model: str, ours: list[str], theirs: list[str], stems: tuple[str, ...]) -> Pair:
        name = Path(model).stem
        shared = ["-o", "ours", "--bit-depth", "32", "--model", model, "--device", "cpu"]
        demucs = ["--repo", str(folder), "-n", name, "-o", "theirs", "--float32", "-d", "cpu"]
        return Pair(
            [*NEURALIB, "separate", "song.wav", "-q", *shared, *ours],
            [sys.executable, "-m", "demucs", "song.wav", "--shifts", "0", *demucs, *theirs],
            folder / "ours" / "song",
            folder / "theirs" / name / "song",
            stems,
        )

    one = str(folder / "random0.th"), SOURCES
    return {
        "auto": both(one[0], [], [], one[1]),
        "fp32": both(one[0], ["--precision", "fp32"], [], one[1]),
        "one stem": both(
            str(folder / "bag.yaml"),
            ["--two-stems", "vocals"],
            ["--two-stems", "vocals"],
            ("vocals",),
        ),
    }


def row(label: str, pair: Pair, rounds: int, seconds: float, folder: Path) -> str:
    """Run both in turn, after ours has prepared its model."""
    measure(pair.ours, folder)
    ours: list[Cost] = []
    theirs: list[Cost] = []
    for _ in range(rounds):
        theirs.append(measure(pair.theirs, folder))
        ours.append(measure(pair.ours, folder))
        print(label, theirs[-1], ours[-1], file=sys.stderr, flush=True)

    def spread(of: Callable[[Cost], float]) -> str:
        ratios = [of(their) / of(our) for their, our in zip(theirs, ours, strict=True)]
        return f"{median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"

    mine, other = (median(cost.seconds for cost in costs) for costs in (ours, theirs))
    cells = [
        label,
        f"{mine:.1f}",
        f"{other:.1f}",
        spread(lambda cost: cost.seconds),
        spread(lambda cost: cost.cpu_seconds),
        f"{max(cost.peak_mb for cost in ours):.0f}",
        f"{max(cost.peak_mb for cost in theirs):.0f}",
        f"{seconds / mine:.1f}",
        f"{min(snr_db(pair, stem) for stem in pair.stems):.0f}",
    ]
    return f"| {' | '.join(cells)} |"


def snr_db(pair: Pair, stem: str) -> float:
    """Signal-to-noise ratio of our stem to theirs, read a piece at a time."""
    signal = noise = 0.0
    with (
        soundfile.SoundFile(pair.theirs_at / f"{stem}.wav") as theirs,
        soundfile.SoundFile(pair.ours_at / f"{stem}.wav") as ours,
    ):
        assert theirs.frames == ours.frames
        for reference, block in zip(theirs.blocks(65_536), ours.blocks(65_536), strict=True):
            signal += float(np.square(reference).sum())
            noise += float(np.square(reference - block).sum())
    return 10 * float(np.log10(signal / max(noise, 1e-30)))


if __name__ == "__main__":
    main()
