"""Words: `neuralib transcribe` beside everything that people run Whisper with.

All have the same checkpoint, `benchmarks.reciter`, as large as Whisper small, which says 85 tokens
a window whatever it hears, and must give the same words.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from benchmarks.peers import find
from benchmarks.process import NEURALIB, ROOT, Cost, measure
from benchmarks.work import Options, Work, elsewhere

SECONDS = 600.0
WINDOW = 30
"""Seconds that Whisper hears at once."""


def transcribe(options: Options, folder: Path) -> Work:
    """One long recording."""
    windows = max(1, round((options.seconds or SECONDS) / WINDOW))
    elsewhere(_write, folder, windows)
    out = folder / "out"
    environment = os.environ | {
        "PYTHONPATH": str(ROOT),
        "NEURALIB_MODELS_DIR": str(folder / "models"),
    }
    said: dict[str, str] = {}

    def command(name: str, words: list[str]) -> Callable[[], Cost]:
        def run() -> Cost:
            shutil.rmtree(out, ignore_errors=True)
            cost = measure(words, folder, environment)
            said[name] = (out / "song.txt").read_text(encoding="utf-8")
            return cost

        return run

    def warm(name: str, what: str) -> Callable[[], Cost]:
        def run() -> Cost:
            words = [sys.executable, "-W", "ignore", "-m", "benchmarks.warm_transcribe", what]
            done = subprocess.run(
                [*words, str(folder)], env=environment, check=True, stdout=subprocess.PIPE
            )
            cost, said[name] = json.loads(done.stdout)
            return Cost(*cost)

        return run

    runs: dict[str, Callable[[], Cost]] = {}
    for name in options.wants("openai-whisper", "whisper-ctranslate2"):
        programs = {"openai-whisper": "whisper"}
        program = find(name, programs.get(name, name), options.peers)
        runs[name] = command(name, [program, *_peer_words(name, folder)])
    runs["neuralib"] = command("neuralib", _our_words(folder, "auto"))
    runs["neuralib fp32"] = command("neuralib fp32", _our_words(folder, "fp32"))
    for name in ("faster-whisper warm", "neuralib warm"):
        runs[name] = warm(name, name.removesuffix(" warm"))
    wanted = {name: runs[name] for name in options.wants(*runs)}

    def compare() -> dict[str, float]:
        expected = elsewhere(_text) * windows
        return {name: float(text.split() == expected) for name, text in said.items()}

    about = (
        f"{windows * WINDOW / 60:g} minutes, a checkpoint of Whisper small's size that says a "
        "line of words every few seconds. whisper-ctranslate2 runs in int8, and so does "
        "faster-whisper, with batches of 8 windows, told where they begin. `warm`: in a process "
        "that has loaded its model. openai-whisper's and our fp32 are the same arithmetic."
    )
    return Work(
        about,
        float(windows * WINDOW),
        wanted,
        compare,
        "same words",
        dict.fromkeys(wanted, 1.0),
        lambda: _warm_up(wanted),
    )


def _warm_up(runs: dict[str, Callable[[], Cost]]) -> None:
    for name in runs:
        if name in ("neuralib", "neuralib fp32"):  # prepares the checkpoint
            runs[name]()


def _our_words(folder: Path, precision: str) -> list[str]:
    model = ["--model", str(folder / "small.pt"), "--precision", precision, "--device", "cpu"]
    return [*NEURALIB, "transcribe", str(folder / "song.wav"), "-o", "out", "-q", *model]


def _peer_words(name: str, folder: Path) -> list[str]:
    shared = [str(folder / "song.wav"), "--output_dir", "out", "--output_format", "txt"]
    if name == "openai-whisper":
        return [
            *shared,
            "--model",
            str(folder / "small.pt"),
            "--device",
            "cpu",
            "--verbose",
            "False",
        ]
    model = ["--model_directory", str(folder / "ctranslate2"), "--compute_type", "int8"]
    return [*shared, *model, "--device", "cpu", "--verbose", "False", "--language", "en"]


def _text() -> list[str]:
    from benchmarks.reciter import TEXT

    return TEXT.split()


def _write(folder: Path, windows: int) -> None:
    from benchmarks.reciter import write_reciter
    from benchmarks.syllables import write_recording
    from neuralib.engines.whisper.convert import convert

    write_reciter(folder / "small.pt")
    write_recording(folder / "song.wav", windows * WINDOW / 60)
    (folder / "ctranslate2").mkdir()
    convert(folder / "small.pt", folder / "ctranslate2")
