"""`transcribe` beside what else people use: `python -m benchmarks.transcribe`.

All run in turn, on the same recording and with the same checkpoint: `benchmarks.reciter`, as
large as Whisper small, which says 85 tokens a window whatever it hears. Each must give the same
words. Where something else keeps the processor busy, CPU time tells more than time.

    neuralib        the whole command, after the checkpoint was prepared once
    neuralib warm   the same in a process that has loaded its model
    openai-whisper  the whole command
    faster-whisper  int8, BatchedInferencePipeline, in a process that has loaded its model; it is
                    told where windows of 30 s begin, so that it need not look for voices, and
                    asked for timestamps, so that it says as much as the others
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from statistics import median

import numpy as np
import soundfile

from benchmarks.process import NEURALIB, ROOT, Cost, measure
from benchmarks.reciter import TEXT, write_reciter

RATE = 16_000
WINDOW = 30
PAUSE = 0.5


Run = Callable[[], tuple[Cost, str]]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--only", nargs="*", help="names of the table's first column")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_reciter(folder / "small.pt")
        write_recording(folder / "song.wav", chosen.minutes)
        expected = TEXT.split() * round(chosen.minutes * 60 / WINDOW)
        runs = contestants(folder)
        names = [each for each in runs if not chosen.only or each in chosen.only]
        costs: dict[str, list[Cost]] = {each: [] for each in names}
        for _ in range(chosen.rounds):
            for each in names:
                taken, text = runs[each]()
                if text.split() != expected:
                    raise SystemExit(f"{each} gave other words: {text[:300]}")
                costs[each].append(taken)
                print(each, taken, file=sys.stderr, flush=True)
        print_table(costs, chosen.minutes)


def write_recording(path: Path, minutes: float) -> None:
    """Write noise that rises and falls like syllables, with a pause before every half minute."""
    random = np.random.default_rng(0)
    with soundfile.SoundFile(path, "w", RATE, 1, "PCM_16") as file:
        for _ in range(round(minutes * 60 / WINDOW)):
            time_s = np.arange(WINDOW * RATE) / RATE
            loudness = 0.1 * (1 + np.sin(2 * np.pi * 2.5 * time_s))
            loudness[-round(PAUSE * RATE) :] = 0.0
            file.write(loudness * random.standard_normal(time_s.size) * 0.5)


def contestants(folder: Path) -> dict[str, Run]:
    """Give what runs each of them: seconds and text."""
    out, song, model = folder / "out", str(folder / "song.wav"), str(folder / "small.pt")
    ours = [*NEURALIB, "transcribe", song, "--model", model, "-o", str(out), "-q"]
    whisper = [
        *(sys.executable, "-W", "ignore", "-m", "whisper", song, "--model", model),
        *("--output_dir", str(out), "--output_format", "txt", "--verbose", "False"),
    ]
    environment = os.environ | {
        "PYTHONPATH": str(ROOT),
        "NEURALIB_MODELS_DIR": str(folder / "models"),
    }

    def command(words: list[str]) -> Run:
        def run() -> tuple[Cost, str]:
            cost = measure(words, folder, environment)
            result = out / "song.txt"
            text = result.read_text()
            result.unlink()
            return cost, text

        return run

    def warm(what: str) -> Run:
        def run() -> tuple[Cost, str]:
            words = [sys.executable, "-W", "ignore", "-m", "benchmarks.warm_transcribe", what]
            done = subprocess.run(
                [*words, str(folder)], env=environment, check=True, stdout=subprocess.PIPE
            )
            cost, text = json.loads(done.stdout)
            return Cost(*cost), text

        return run

    command(ours)()  # prepares the checkpoint
    return {
        "neuralib": command(ours),
        "openai-whisper": command(whisper),
        "neuralib warm": warm("neuralib"),
        "faster-whisper": warm("faster-whisper"),
    }


def print_table(costs: dict[str, list[Cost]], minutes: float) -> None:
    pairs = {"openai-whisper": "neuralib", "faster-whisper": "neuralib warm"}
    print("| what | s | CPU s | peak MB | times real time | ours is faster by | by CPU time |")
    print("|---|---|---|---|---|---|---|")
    for name, found in costs.items():
        ours = costs.get(pairs.get(name, ""), [])
        cells = [
            listed(cost.seconds for cost in found),
            listed(cost.cpu_seconds for cost in found),
            f"{max(cost.peak_mb for cost in found):.0f}",
            f"{minutes * 60 / median(cost.seconds for cost in found):.1f}",
            listed(a.seconds / b.seconds for a, b in zip(found, ours, strict=False)),
            listed(a.cpu_seconds / b.cpu_seconds for a, b in zip(found, ours, strict=False)),
        ]
        print(f"| {name} | {' | '.join(cells)} |")


def listed(values: Iterable[float]) -> str:
    return ", ".join(f"{value:.1f}" for value in values)


if __name__ == "__main__":
    main()
