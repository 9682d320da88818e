"""Many short inputs: `python -m benchmarks.batch [--clips N] [--basic-pitch COMMAND] [--jobs A,B]`.

Makes N clips of one second with a note each, and runs in turn, each on its own share of them:

- one `neuralib midi` on all of them;
- one `neuralib midi` for each of a few, which is multiplied to N;
- basic-pitch's command on all of them, where `--basic-pitch` names it or it is on the PATH.

Prints clips a second and processor time a clip (medians of ROUNDS), and how many times as fast the
first way was; then how much more memory all the clips take than a tenth of them, and how long
`--skip-existing` takes when all is done. With `--jobs 1,2,3` it compares these numbers of jobs.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks.process import NEURALIB, Cost, measure
from tests.audio_files import write_wav

ROUNDS = 3
STARTS = 10
RATE = 44100


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--clips", type=int, default=2000)
    arguments.add_argument("--basic-pitch", default=shutil.which("basic-pitch"))
    arguments.add_argument("--jobs", default="")
    chosen = arguments.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        clips = write_clips(folder / "clips", chosen.clips)
        count = len(clips)
        ways: dict[str, tuple[int, Way]]
        if chosen.jobs:
            ways = {f"--jobs {n}": (count, in_one(clips, n)) for n in chosen.jobs.split(",")}
        else:
            ways = {
                "one command": (count, in_one(clips)),
                "a process each": (STARTS, one_by_one(clips[:STARTS])),
            }
            if chosen.basic_pitch:
                ways["basic-pitch"] = (count, by_basic_pitch(chosen.basic_pitch, clips))
        compare(ways, folder)
        if not chosen.jobs:
            tell_memory(clips, folder)
            tell_skipping(clips, folder)


Way = Callable[[Path], list[Cost]]
"""Runs one command or several in a folder."""


def in_one(clips: list[Path], jobs: str | None = None) -> Way:
    return lambda folder: [run_all(clips, folder, jobs)]


def run_all(clips: list[Path], folder: Path, jobs: str | None = None, *more: str) -> Cost:
    words = ["midi", *names_of(clips), "-o", "out", *(["--jobs", jobs] if jobs else []), *more]
    return measure([*NEURALIB, *words], folder)


def one_by_one(clips: list[Path]) -> Way:
    return lambda folder: [
        measure([*NEURALIB, "midi", str(clip), "-o", "out"], folder) for clip in clips
    ]


def by_basic_pitch(command: str, clips: list[Path]) -> Way:
    def way(folder: Path) -> list[Cost]:
        (folder / "peer").mkdir()  # it refuses to write over its own files
        return [measure([command, "--save-midi", "peer", *map(str, clips)], folder)]

    return way


def compare(ways: dict[str, tuple[int, Way]], folder: Path) -> None:
    """Run each way, by its name, on so many clips, in turn."""
    seconds: dict[str, list[float]] = {label: [] for label in ways}
    cpu_seconds: dict[str, list[float]] = {label: [] for label in ways}
    for round in range(ROUNDS):
        for label, (count, way) in ways.items():
            place = folder / f"{label} {round}"
            place.mkdir()
            costs = way(place)
            seconds[label].append(sum(cost.seconds for cost in costs) / count)
            cpu_seconds[label].append(sum(cost.cpu_seconds for cost in costs) / count)
            shutil.rmtree(place)
    first, *_ = seconds.values()
    print("| way | clips a second | processor ms a clip | the first is faster by |")
    print("|---|---|---|---|")
    for label, values in seconds.items():
        ratios = sorted(other / one for one, other in zip(first, values, strict=True))
        print(
            f"| {label} | {1 / statistics.median(values):.1f} "
            f"| {1000 * statistics.median(cpu_seconds[label]):.0f} "
            f"| {statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f}) |",
            flush=True,
        )


def tell_memory(clips: list[Path], folder: Path) -> None:
    few, all_ = (run_all(part, folder).peak_mb for part in (clips[: len(clips) // 10], clips))
    print(f"\npeak memory: {few:.0f} MB for {len(clips) // 10} clips, {all_:.0f} MB for all")


def tell_skipping(clips: list[Path], folder: Path) -> None:
    cost = run_all(clips, folder, None, "--skip-existing")
    print(f"--skip-existing with all {len(clips)} there: {cost.seconds:.2f} s")


def names_of(clips: list[Path]) -> list[str]:
    """Name the folder where it is whole: a command line has no room for ten thousand names."""
    folder = clips[0].parent
    return [str(folder)] if len(list(folder.iterdir())) == len(clips) else list(map(str, clips))


def write_clips(folder: Path, count: int) -> list[Path]:
    """Write clips of one second, stereo, 16 bits, with the decay of a plucked string."""
    folder.mkdir()
    random = np.random.default_rng(0)
    seconds = np.arange(RATE) / RATE
    paths = []
    for number in range(count):
        hertz = 440 * 2 ** (random.integers(-29, 15) / 12)
        wave = sum(np.sin(2 * np.pi * hertz * n * seconds) / n for n in range(1, 6))
        samples = 0.2 * wave * np.exp(-3 * seconds) + random.normal(0, 0.002, RATE)
        clip = np.stack([samples, samples]).astype(np.float32)
        paths.append(write_wav(folder / f"clip{number:05}.wav", clip))
    return paths


if __name__ == "__main__":
    main()
