"""`midi` beside basic-pitch's own command: `python -m benchmarks.midi RECORDING... [--rounds 5]`.

Both run in turn as whole commands on each recording, basic-pitch with its ONNX graph; `warm` is
our time for reading, model, notes and file once the model is loaded. The notes are compared (F1
of onsets within 50 ms and pitches). Where something else keeps the processor busy, CPU time
tells more than time. basic-pitch is a command of an environment of its own without TensorFlow,
which `--basic-pitch` names where it is not on the PATH.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

import mir_eval
import numpy as np
import pretty_midi
from numpy.typing import NDArray

from benchmarks.process import NEURALIB, ROOT, Cost, measure
from neuralib.audio.shape import read
from neuralib.engines.base import PitchTracker
from neuralib.engines.pool import Engines
from neuralib.midi.create import create_notes
from neuralib.midi.encode import encode_notes
from neuralib.midi.score import Score
from neuralib.models.store import Store
from neuralib.tasks import MidiTask


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("recordings", nargs="+", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--basic-pitch", default=shutil.which("basic-pitch"))
    parser.add_argument("--warm", action="store_true", help="only tell our time, once warm")
    chosen = parser.parse_args()
    if chosen.warm:
        print(warm_seconds(chosen.recordings[0]))
        return
    if not chosen.basic_pitch:
        parser.error("basic-pitch is not on the PATH; name it with --basic-pitch")
    with tempfile.TemporaryDirectory() as name:
        print(
            "| recording | cold, s | theirs | ratio | CPU s | theirs | ratio "
            "| MB | theirs | warm, s | ratio | F1 |"
        )
        print("|---|---|---|---|---|---|---|---|---|---|---|---|", flush=True)
        for recording in chosen.recordings:
            peer = [chosen.basic_pitch, "--save-midi", "--model-serialization", "onnx", "theirs"]
            print(row(recording.resolve(), peer, chosen.rounds, Path(name)), flush=True)


def row(recording: Path, peer: list[str], rounds: int, folder: Path) -> str:
    """Run all three ways in turn, after one run of each that is not counted."""
    our_file = folder / "ours" / f"{recording.stem}.mid"
    their_file = folder / "theirs" / f"{recording.stem}_basic_pitch.mid"
    command = [*NEURALIB, "midi", str(recording), "-o", "ours", "-q"]
    their_file.parent.mkdir(exist_ok=True)
    ours: list[Cost] = []
    theirs: list[Cost] = []
    warm: list[float] = []
    for number in range(rounds + 1):
        their_file.unlink(missing_ok=True)  # it refuses to write over its own files
        their_cost = measure([*peer, str(recording)], folder)
        our_cost = measure(command, folder)
        seconds = warm_elsewhere(recording)
        print(recording.name, their_cost, our_cost, seconds, file=sys.stderr, flush=True)
        if number:
            theirs.append(their_cost)
            ours.append(our_cost)
            warm.append(seconds)

    def compared(of: Callable[[Cost], float], digits: int) -> list[str]:
        mine, other = [of(cost) for cost in ours], [of(cost) for cost in theirs]
        return [f"{median(mine):.{digits}f}", f"{median(other):.{digits}f}", ratio(other, mine)]

    cells = [
        recording.name,
        *compared(lambda cost: cost.seconds, 2),
        *compared(lambda cost: cost.cpu_seconds, 2),
        *compared(lambda cost: cost.peak_mb, 0)[:2],
        f"{median(warm):.2f}",
        ratio([cost.seconds for cost in theirs], warm),
        f"{agreement(our_file, their_file):.4f}",
    ]
    return f"| {' | '.join(cells)} |"


def ratio(theirs: Sequence[float], ours: Sequence[float]) -> str:
    ratios = [their / our for their, our in zip(theirs, ours, strict=True)]
    return f"{median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"


def warm_elsewhere(recording: Path) -> float:
    """Time it in a process of its own: a child's peak memory counts its parent's size."""
    words = [sys.executable, "-m", "benchmarks.midi", "--warm", str(recording)]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True)
    return float(done.stdout)


def warm_seconds(recording: Path) -> float:
    """Time the second run of a loaded engine."""
    with tempfile.TemporaryDirectory() as name:
        engine = Engines(Store(Path(name), offline=True), "cpu").get(MidiTask())
    assert isinstance(engine, PitchTracker)
    for _ in range(2):
        started = time.perf_counter()
        activations = engine.track(read(recording, engine.sample_rate, 1))
        encode_notes(create_notes(activations, MidiTask()), "mid", Score())
    return time.perf_counter() - started


def agreement(ours: Path, theirs: Path) -> float:
    *_, f1, _ = mir_eval.transcription.precision_recall_f1_overlap(
        *notes_of(theirs), *notes_of(ours), offset_ratio=None
    )
    return float(f1)


def notes_of(path: Path) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Give intervals in seconds and pitches in hertz."""
    parts = pretty_midi.PrettyMIDI(str(path)).instruments
    notes = [note for part in parts for note in part.notes]
    times = np.array([(note.start, note.end) for note in notes]).reshape(-1, 2)
    return times, 440 * 2 ** ((np.array([note.pitch for note in notes]) - 69) / 12)


if __name__ == "__main__":
    main()
