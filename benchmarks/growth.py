"""How time and memory of our commands grow with the recording."""

from __future__ import annotations

import os
from pathlib import Path

from benchmarks.plucked import write_plucked
from benchmarks.process import NEURALIB, ROOT, Cost, measure
from benchmarks.stand_ins import MICRO, RANDOM, random_model, write_song
from benchmarks.work import elsewhere

TASKS = ("separate", "midi", "transcribe")
MODELS = ("full", "micro")
WHISPER_MICRO = ROOT / "tests" / "micro" / "whisper_micro.pt"
SHORT_SECONDS = 2.0


def grow(task: str, model: str, seconds: float, folder: Path) -> Cost:
    """Run one command on a recording of so many seconds, once its model is prepared.

    Args:
        task: of `TASKS`.
        model: of `MODELS`; Basic Pitch has one size.
        seconds: length of the recording.
        folder: for files, the same for all calls.
    """
    environment = os.environ | {"NEURALIB_MODELS_DIR": str(folder / "models")}
    words = [*NEURALIB, task, "song.wav", "-o", f"{task} out", "-q", *_model(task, model, folder)]

    def run(length: float) -> Cost:
        _write_recording(task, folder / "song.wav", length)
        return measure(words, folder, environment)

    run(SHORT_SECONDS)
    return run(seconds)


def _model(task: str, model: str, folder: Path) -> list[str]:
    if task == "midi":
        return []
    is_micro = model == "micro"
    if task == "separate":
        path = folder / "htdemucs.safetensors"
        return ["--model", str(MICRO if is_micro else _made(path, folder))]
    path = WHISPER_MICRO if is_micro else folder / "small.pt"
    if not path.exists():
        elsewhere(_write_whisper, path)
    return ["--model", str(path), "--language", "en"]


def _made(path: Path, folder: Path) -> Path:
    return path if path.exists() else random_model(folder, RANDOM["full"])


def _write_whisper(path: Path) -> None:
    from benchmarks.reciter import write_reciter

    write_reciter(path)


def _write_recording(task: str, path: Path, seconds: float) -> None:
    if task == "midi":
        write_plucked(path, seconds)
    elif task == "separate":
        write_song(path, seconds / 60)
    else:
        elsewhere(_write_speech, path, seconds)


def _write_speech(path: Path, seconds: float) -> None:
    from benchmarks.syllables import write_recording

    write_recording(path, max(seconds, 30) / 60)
