"""Us and what else people use, in turn, on the same files: `python -m benchmarks`.

    python -m benchmarks.peers                              installs the others, once
    python -m benchmarks --rows separate,midi --rounds 3    measures, and goes on where it stopped
    python -m benchmarks --rows none --write docs/benchmarks.md

A round runs every program once, one after the other; ratios are of one round. Results are kept
after every round in the file of `--resume`, so rows can be measured in sittings of their own, and
the page is written from that file.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

from benchmarks import peers
from benchmarks.arithmetic import count
from benchmarks.growth import MODELS, TASKS, grow
from benchmarks.machine import ISA, describe, gflop_per_second, instructions, load
from benchmarks.page import page
from benchmarks.process import ROOT
from benchmarks.results import Results
from benchmarks.rows import ROWS
from benchmarks.work import Options, Work, elsewhere

NAMES = (*ROWS, "growth", "limit")


def main() -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # nothing is left running or lying
    chosen = _arguments()
    results = Results(chosen.resume)
    os.environ.update(instructions(chosen.isa))
    if chosen.rows:
        results.begin(describe(), _versions(chosen.peers))
    options = Options(
        chosen.peers, tuple(chosen.without.split(",")), chosen.seconds, chosen.recording
    )
    failed = [name for name in chosen.rows if not _measured(name, chosen, options, results)]
    if chosen.write:
        chosen.write.write_text(page(results.data), encoding="utf-8")
    if failed:
        sys.exit(f"not measured: {', '.join(failed)}")


def _measured(name: str, chosen: argparse.Namespace, options: Options, results: Results) -> bool:
    """Measure one row; what fails is told, and leaves the other rows alone."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            if name == "limit":
                _limit(results, chosen.isa)
            elif name == "growth":
                _growth(results, chosen, Path(folder))
            else:
                work = ROWS[name](options, Path(folder))
                key = f"{name} {work.audio_seconds:g} {chosen.isa}"
                compete(results, key, name, work, chosen.rounds, chosen.isa)
        except (RuntimeError, subprocess.CalledProcessError) as error:
            _tell(f"{name}: {error}")
            return False
    return True


def make_parser() -> argparse.ArgumentParser:
    """Say what can be asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    names = ",".join(NAMES)
    parser.add_argument("--rows", default=names, help=f"none, or of {names}")
    parser.add_argument("--rounds", type=int, default=3, help="in all, with those of --resume")
    parser.add_argument("--seconds", type=float, help="length of the audio; clips: their number")
    parser.add_argument("--recording", type=Path, help="music for midi, in place of plucked notes")
    parser.add_argument("--without", default="", help="programs to leave out, with commas")
    parser.add_argument("--isa", choices=ISA, default="all", help="for both sides")
    parser.add_argument("--peers", type=Path, default=peers.PLACE, help="where they are installed")
    parser.add_argument("--lengths", default="10,60,600,3600", help="of growth, in seconds")
    parser.add_argument("--tasks", default=",".join(TASKS), help="of growth")
    parser.add_argument("--model", choices=MODELS, default="full", help="size in growth")
    parser.add_argument("--resume", type=Path, default=ROOT / "build" / "benchmarks.json")
    parser.add_argument("--write", type=Path, help="the page to write")
    return parser


def _arguments() -> argparse.Namespace:
    parser = make_parser()
    chosen = parser.parse_args()
    chosen.rows = [] if chosen.rows == "none" else chosen.rows.split(",")
    for name in chosen.rows:
        if name not in NAMES:
            parser.error(f"--rows: got {name!r}; it must be none, or of {', '.join(NAMES)}")
    chosen.recording = chosen.recording and chosen.recording.resolve()
    chosen.peers = chosen.peers.resolve()
    return chosen


def compete(results: Results, key: str, name: str, work: Work, rounds: int, isa: str) -> None:
    """Run rounds until there are as many as wanted.

    Raises:
        RuntimeError: where a program fails, or outputs do not agree.
    """
    facts = {"row": name, "isa": isa, "audio_seconds": work.audio_seconds}
    known = results.work(key, **facts, about=work.about, unit=work.unit, least=dict(work.least))
    if len(known["rounds"]) >= rounds:
        return
    _tell(f"{key}: warming up")
    work.warm_up()
    while len(known["rounds"]) < rounds:
        before = {"at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "load": load()}
        costs = {}
        for each, run in work.runs.items():
            costs[each] = run()
            _tell(f"{key}: {each} {asdict(costs[each])}")
        agreement = work.compare()
        _tell(f"{key}: {work.unit} {agreement}")
        for each, least in work.least.items():
            if each in costs and agreement.get(each, least) < least:
                raise RuntimeError(
                    f"{each} gives something else: {agreement[each]:g} {work.unit}, where "
                    f"{least:g} is the least; the round is not kept"
                )
        results.add_round(key, costs, agreement, **before)


def _limit(results: Results, isa: str) -> None:
    """Count what models compute, and measure what the machine could."""
    if not results.has("flop", "htdemucs"):
        for name, value in elsewhere(count).items():
            results.put("flop", name, value)
    precisions = ("fp32", "bf16") if isa == "all" else ("fp32",)
    for precision in precisions:
        rate = elsewhere(gflop_per_second, precision)
        results.put("speed", f"{precision} {isa}", round(rate))
        _tell(f"{precision}: {rate:.0f} GFLOP/s")


def _growth(results: Results, chosen: argparse.Namespace, folder: Path) -> None:
    for task in chosen.tasks.split(","):
        for seconds in map(float, chosen.lengths.split(",")):
            key = f"{task} {chosen.model} {seconds:g}"
            if not results.has("growth", key):
                cost = grow(task, chosen.model, seconds, folder)
                results.put("growth", key, {**asdict(cost), "load": load()})
                _tell(f"growth: {key} {cost}")


def _versions(place: Path) -> dict[str, dict[str, str]]:
    found = {"neuralib": _our_versions()}
    for name in peers.PEERS:
        if (place / name / "ready").exists():
            found[name] = peers.versions(name, place)
    return found


def _our_versions() -> dict[str, str]:
    from importlib.metadata import version

    import neuralib

    told = ("openvino", "onnxruntime", "torch", "ctranslate2", "faster-whisper")
    return {"neuralib": neuralib.__version__, **{name: version(name) for name in told}}


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
