"""How soon a warm worker calls its model: `python -m benchmarks.warm [SONG ...]`.

A SONG is its length in seconds and its format: 180.wav. A worker, its child, Redis and PostgreSQL
run as processes of their own; the storage is a folder. Prints the median time from taking a job
out of Redis to the order that reaches the child (the claim in SQL lies between), from there to the
first call of the model, and both together; for recordings that the worker never saw (they are
fetched first) and for those that its last job was about. Models are micro ones, and loaded.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
import soundfile

from benchmarks.process import ROOT
from benchmarks.warm_worker import TIMES, WHOLE
from neuralib.service.parts import opened_parts
from neuralib.settings import Settings
from neuralib.tasks import MidiTask, SeparateTask, TranscribeTask
from tests.audio_files import noise
from tests.servers.postgres import running_postgres
from tests.servers.redis import RedisServer
from tests.workers.cluster import Cluster

MICRO = ROOT / "tests" / "micro"
RATE = 44100
SONGS = ["20.wav", "180.wav", "180.flac", "180.mp3"]
TASKS = (
    SeparateTask(model=str(MICRO / "htdemucs_micro.safetensors"), stems=("vocals",)),
    MidiTask(),
    TranscribeTask(model=str(MICRO / "whisper_micro.pt"), language="en"),
)


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("songs", nargs="*", default=SONGS)
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--task", choices=[task.kind for task in TASKS])
    chosen = arguments.parse_args()
    tasks = [task for task in TASKS if chosen.task in (None, task.kind)]
    with tempfile.TemporaryDirectory() as name, running_worker(Path(name)) as cluster:
        for task in tasks:
            finish(cluster, WHOLE, task, MICRO / "vocals.flac", "done")
        print("| task | song | recording | to the child | to the model | in all, median ms |")
        print("|---|---|---|---|---|---|", flush=True)
        for task in tasks:
            for song in chosen.songs:
                times: dict[str, list[tuple[float, float]]] = {"new": [], "known": []}
                for seed in range(chosen.rounds):
                    path = write_song(Path(name), song, seed)
                    for rows in times.values():
                        rows.append(time_of(cluster, task, path))
                    path.unlink()
                for recording, rows in times.items():
                    print(row(task.kind, song, recording, rows), flush=True)


@contextmanager
def running_worker(folder: Path) -> Iterator[Cluster]:
    """Run a worker beside real servers; give what submits to it."""
    with ExitStack() as stack:
        server = RedisServer(folder / "redis")
        stack.callback(server.close)
        server.start()
        named = {
            "data_dir": str(folder / "data"),
            "redis_url": server.url,
            "database_url": stack.enter_context(running_postgres(durable=True)),
            "offline": "true",
        }
        (folder / "data").mkdir()
        settings = Settings(**named)  # type: ignore[arg-type] # pydantic reads the words
        cluster = Cluster(settings, stack.enter_context(opened_parts(settings)))
        variables = {f"NEURALIB_{key.upper()}": value for key, value in named.items()}
        log = stack.enter_context((folder / "log").open("wb"))
        worker = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.warm_worker"],
            env=os.environ | variables | {"PYTHONPATH": str(ROOT)},
            cwd=folder,
            stdout=log,
            stderr=log,
        )
        stack.callback(worker.wait)
        stack.callback(worker.terminate)
        yield cluster


def time_of(
    cluster: Cluster, task: SeparateTask | MidiTask | TranscribeTask, path: Path
) -> tuple[float, float]:
    """Run a job up to its model; give the ms to the child, and from there to the model."""
    log = cluster.settings.data_dir / TIMES
    before = len(log.read_text().splitlines())
    finish(cluster, path.name, task, path, "failed")
    words = [line.split() for line in log.read_text().splitlines()[before:]]
    # Several cores may each call a model before the first one has stopped the run.
    times = {what: float(at) for what, at in reversed(words)}
    dequeued, ordered, called = times["dequeued"], times["ordered"], times["called"]
    return 1000 * (ordered - dequeued), 1000 * (called - ordered)


def finish(
    cluster: Cluster,
    name: str,
    task: SeparateTask | MidiTask | TranscribeTask,
    path: Path,
    state: str,
) -> None:
    """Submit a job and wait until it ends, in `state`."""
    job = cluster.wait_for(cluster.submit(name, task, path), "done", "failed")
    assert job.state == state, job.error


def row(task: str, song: str, recording: str, times: list[tuple[float, float]]) -> str:
    """Give a line of the table."""
    to_child, to_model = zip(*times, strict=True)
    medians = [statistics.median(each) for each in (to_child, to_model, list(map(sum, times)))]
    return f"| {task} | {song} | {recording} | " + " | ".join(f"{ms:.1f}" for ms in medians) + " |"


def write_song(folder: Path, song: str, seed: int) -> Path:
    """Write stereo noise in bursts like syllables, for Whisper is not asked about even noise."""
    seconds, _, format = song.partition(".")
    samples = noise(RATE * int(seconds), seed=seed)
    samples[:, np.arange(samples.shape[1]) // (RATE // 4) % 2 == 0] *= 0.01
    path = folder / f"{seed}-{song}"
    soundfile.write(path, samples.T, RATE, format=format)
    return path


if __name__ == "__main__":
    main()
