"""How right the time left is: `python -m benchmarks.progress [--model M] [--format F] MINUTES`.

Separates noise of that length, notes what the meter tells, and compares it at the end with what
came. Also prints the peak of memory. M is a path to a checkpoint, or `full` or `thin` of
`benchmarks.stand_ins`; without it the micro HTDemucs runs.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.stand_ins import MICRO, RANDOM, random_model, write_song
from neuralib.engines.pool import Engines
from neuralib.execute import Source, execute
from neuralib.execute.sink import FolderSink
from neuralib.meter import Meter
from neuralib.models.open import open_store
from neuralib.progress import Progress
from neuralib.settings import load_settings
from neuralib.tasks import SeparateTask

ROWS = 20


@dataclass(frozen=True)
class Told:
    """What the meter said."""

    at: float
    """Seconds after the model was loaded."""
    stage: str
    done: float
    left: float | None


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--model", default=str(MICRO))
    arguments.add_argument("--format", default="wav")
    arguments.add_argument("minutes", type=float)
    chosen = arguments.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        what = RANDOM.get(chosen.model)
        model = random_model(folder, what) if what else Path(chosen.model).resolve()
        song = write_song(folder / "song.wav", chosen.minutes)
        task = SeparateTask(model=str(model), format=chosen.format)
        told, total = run(task, song, folder / "out")
    show(told, total)


def run(task: SeparateTask, song: Path, out: Path) -> tuple[list[Told], float]:
    """Give what the meter told when, and how many seconds the run took."""
    engines = Engines(open_store(load_settings()), "cpu")
    engines.get(task)
    meter = Meter()
    told: list[Told] = []
    started = time.monotonic()

    def report(progress: Progress) -> None:
        meter.take(progress)
        now = time.monotonic() - started
        if not told or now - told[-1].at >= 1.0:
            told.append(Told(now, progress.stage, meter.fraction, meter.eta_seconds))

    execute(task, Source(song, song.stem), FolderSink(out), report, engines)
    return told, time.monotonic() - started


def show(told: list[Told], total: float) -> None:
    """Print some of what was told, and how wrong the worst was after the first minute."""
    print("| after s | stage | done | was | left s | was s |\n|---|---|---|---|---|---|")
    for each in told[:: max(len(told) // ROWS, 1)]:
        left = "" if each.left is None else f"{each.left:.0f}"
        was = f"{each.at / total:.0%} | {left} | {total - each.at:.0f}"
        print(f"| {each.at:.0f} | {each.stage} | {each.done:.0%} | {was} |")
    off = [
        (each.left - (total - each.at), total - each.at) for each in told if each.left is not None
    ]
    shares = [abs(wrong) / was for wrong, was in off if total / 10 <= was <= total - 60]
    if shares:
        print(f"time left, from the first minute to the last tenth: {max(shares):.0%} off at most")
    last = [abs(wrong) for wrong, was in off if was < total / 10]
    if last:
        print(f"in the last tenth: {max(last):.0f} s off at most")
    scale = 1 if sys.platform == "darwin" else 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * scale / 1e6
    print(f"took {total:.0f} s; peak {peak:.0f} MB")


if __name__ == "__main__":
    main()
