"""Notes: `neuralib midi` beside basic-pitch's command, whole commands and loaded models."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from benchmarks.peers import find
from benchmarks.plucked import write_plucked
from benchmarks.process import NEURALIB, ROOT, Cost, measure
from benchmarks.work import Options, Work, elsewhere

SECONDS = 180.0
ONNX = ["--save-midi", "--model-serialization", "onnx"]


def midi(options: Options, folder: Path) -> Work:
    """One long recording."""
    song = options.recording
    if song is None:
        song = write_plucked(folder / "song.wav", options.seconds or SECONDS)
    seconds = _seconds(song)
    theirs = folder / "theirs"
    environment = os.environ | {"NEURALIB_MODELS_DIR": str(folder / "models")}

    def ours() -> Cost:
        return measure([*NEURALIB, "midi", str(song), "-o", "ours", "-q"], folder, environment)

    def basic_pitch() -> Cost:
        shutil.rmtree(theirs, ignore_errors=True)  # it refuses to write over its own files
        theirs.mkdir()
        command = find("basic-pitch", "basic-pitch", options.peers)
        return measure([command, *ONNX, str(theirs), str(song)], folder)

    def warm(python: str, script: str) -> Cost:
        words = [python, str(ROOT / "benchmarks" / script), str(song)]
        done = subprocess.run(
            words, env=environment | {"PYTHONPATH": str(ROOT)}, check=True, stdout=subprocess.PIPE
        )
        return Cost(*json.loads(done.stdout.splitlines()[-1]))

    runs: dict[str, Callable[[], Cost]] = {
        "basic-pitch": basic_pitch,
        "neuralib": ours,
        "basic-pitch warm": lambda: warm(
            find("basic-pitch", "python", options.peers), "warm_basic_pitch.py"
        ),
        "neuralib warm": lambda: warm(sys.executable, "warm_midi.py"),
    }
    wanted = {name: runs[name] for name in options.wants(*runs)}

    def warm_up() -> None:
        for name, run in wanted.items():
            if not name.endswith("warm"):
                run()

    def compare() -> dict[str, float]:
        found = sorted(theirs.glob("*.mid"))
        return (
            {"neuralib": elsewhere(_f1, folder / "ours" / f"{song.stem}.mid", found[0])}
            if found
            else {}
        )

    about = (
        f"{seconds:.0f} s of {'plucked notes' if options.recording is None else 'music'}; "
        "basic-pitch with its ONNX graph. `warm`: reading, model, notes and MIDI in a process that "
        "has done it once."
    )
    return Work(about, seconds, wanted, compare, "F1 of notes", {"neuralib": 0.995}, warm_up)


def _f1(ours: Path, theirs: Path) -> float:
    from benchmarks.notes import agreement

    return agreement(ours, theirs)


def _seconds(song: Path) -> float:
    import soundfile

    return float(soundfile.info(song).duration)
