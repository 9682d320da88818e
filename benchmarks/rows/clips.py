"""Many short inputs in one command: `neuralib midi FOLDER` beside basic-pitch's command."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from benchmarks.batch import write_clips
from benchmarks.peers import find
from benchmarks.process import NEURALIB, Cost, measure
from benchmarks.rows.midi import ONNX
from benchmarks.work import Options, Work, elsewhere

CLIPS = 1000
APART_SECONDS = 10.0


def clips(options: Options, folder: Path) -> Work:
    """Clips of one second; the options' seconds are their number."""
    count = round(options.seconds or CLIPS)
    recordings = write_clips(folder / "clips", count)
    few = recordings[:3]
    environment = os.environ | {"NEURALIB_MODELS_DIR": str(folder / "models")}
    theirs = folder / "theirs"

    def ours(what: list[Path]) -> Cost:
        words = [*NEURALIB, "midi", *map(str, what), "-o", "ours", "-q"]
        return measure(words, folder, environment)

    def basic_pitch(what: list[Path]) -> Cost:
        shutil.rmtree(theirs, ignore_errors=True)  # it refuses to write over its own files
        theirs.mkdir()
        command = find("basic-pitch", "basic-pitch", options.peers)
        return measure([command, *ONNX, str(theirs), *map(str, what)], folder)

    runs: dict[str, Callable[[], Cost]] = {
        "basic-pitch": lambda: basic_pitch(recordings),
        "neuralib": lambda: ours([folder / "clips"]),
    }
    wanted = {name: runs[name] for name in options.wants(*runs)}

    def warm_up() -> None:
        ours(few)
        if "basic-pitch" in wanted:
            basic_pitch(few)

    def compare() -> dict[str, float]:
        if "basic-pitch" not in wanted:
            return {}
        return {"neuralib": elsewhere(f1_of_all, folder / "ours", theirs)}

    about = f"{count} clips of one second with a plucked note each, one command for all of them."
    return Work(about, float(count), wanted, compare, "F1 of notes", {"neuralib": 0.995}, warm_up)


def f1_of_all(ours: Path, theirs: Path) -> float:
    """Compare the notes of all clips together, as if they were played one after the other."""
    import mir_eval
    import numpy as np

    from benchmarks.notes import notes_of

    sides = []
    names = sorted(path.stem for path in ours.glob("*.mid"))
    for pattern in (f"{theirs}/{{}}_basic_pitch.mid", f"{ours}/{{}}.mid"):
        found = [notes_of(Path(pattern.format(name))) for name in names]
        times = [each + APART_SECONDS * number for number, (each, _) in enumerate(found)]
        sides.append((np.concatenate(times), np.concatenate([pitches for _, pitches in found])))
    *_, f1, _ = mir_eval.transcription.precision_recall_f1_overlap(
        *sides[0], *sides[1], offset_ratio=None
    )
    return float(f1)
