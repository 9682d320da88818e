"""Short recordings that wait together: `python -m benchmarks.together [SECONDS ...]`.

Jobs of `midi` wait in the queue of a laptop's worker (SQLite, a folder, one child), which runs them
one after the other and several at a time, in turn. Prints the time a job, and how long the first of
them ran.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

from neuralib.service.parts import opened_parts
from neuralib.settings import Settings
from neuralib.tasks import MidiTask
from neuralib.workers.main import open_embedded
from tests.audio_files import noise, write_wav
from tests.workers.cluster import Cluster

RATE = 44100


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("seconds", nargs="*", type=float, default=[1.0, 5.0])
    arguments.add_argument("--together", nargs="*", type=int, default=[1, 2])
    arguments.add_argument("--jobs", type=int, default=16)
    arguments.add_argument("--rounds", type=int, default=3)
    chosen = arguments.parse_args()
    print("| seconds | at once | ms a job | ms of the first |")
    print("|---|---|---|---|", flush=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for seconds in chosen.seconds:
            path = write_wav(folder / "clip.wav", noise(int(seconds * RATE)))
            for number in range(chosen.rounds):
                for together in chosen.together:
                    each, first = run(folder / f"{seconds}-{number}-{together}", path, seconds,
                                      chosen.jobs, together)  # fmt: skip
                    print(f"| {seconds:g} | {together} | {each:.0f} | {first:.0f} |", flush=True)


def run(folder: Path, path: Path, seconds: float, jobs: int, together: int) -> tuple[float, float]:
    """Give milliseconds a job, and those of the first one, with a warm worker."""
    folder.mkdir()
    settings = Settings(data_dir=folder, models_dir=folder.parent / "models", offline=True)
    with opened_parts(settings) as parts:
        cluster = Cluster(settings, parts)
        worker = open_embedded(parts, settings, together=together)
        waiting = [cluster.submit("clip", MidiTask(), path, seconds) for _ in range(jobs + 1)]
        for job_id in waiting[1:]:
            parts.queue.remove(job_id, "midi")
        worker.start()
        cluster.wait_for(waiting.pop(0), "done", "failed")
        started = time.perf_counter()
        for job_id in waiting:
            parts.queue.put(job_id, "midi")
        ended = [cluster.wait_for(job_id, "done", "failed") for job_id in waiting]
        took = time.perf_counter() - started
        worker.stop()
    assert all(job.state == "done" for job in ended), ended[0].error
    first = ended[0]
    assert first.started_at
    assert first.finished_at
    return 1000 * took / jobs, 1000 * (first.finished_at - first.started_at).total_seconds()


if __name__ == "__main__":
    main()
