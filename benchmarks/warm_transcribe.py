"""A part of `benchmarks.rows.transcribe`: one warm run, told as JSON: its cost and text."""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

WINDOW = 30
SHORT = 10 * 16_000

Run = Callable[[NDArray[np.float32]], str]


def main() -> None:
    what, folder = sys.argv[1], Path(sys.argv[2])
    samples = soundfile.read(folder / "song.wav", dtype="float32")[0]
    run = {"neuralib": neuralib, "faster-whisper": faster_whisper}[what](folder)
    run(samples[:SHORT])
    started, used = time.perf_counter(), time.process_time()
    text = run(samples)
    seconds, cpu_seconds = time.perf_counter() - started, time.process_time() - used
    print(json.dumps([[seconds, cpu_seconds, peak_mb()], text]))


def peak_mb() -> float:
    scale = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * scale / 1e6


def neuralib(folder: Path) -> Run:
    from neuralib.engines.pool import Engines
    from neuralib.models.store import Store
    from neuralib.progress import silent
    from neuralib.tasks import TranscribeTask

    task = TranscribeTask(model=str(folder / "small.pt"))
    engine = Engines(Store(Path(os.environ["NEURALIB_MODELS_DIR"])), "cpu").get(task)
    return lambda samples: engine.transcribe(samples, task, silent).text


def faster_whisper(folder: Path) -> Run:
    from faster_whisper import BatchedInferencePipeline, WhisperModel

    from neuralib.engines.whisper.convert import convert

    form = folder / "ctranslate2"
    if not form.exists():
        form.mkdir()
        convert(folder / "small.pt", form)
    threads = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 0
    model = WhisperModel(str(form), device="cpu", compute_type="int8", cpu_threads=threads)
    pipeline = BatchedInferencePipeline(model)

    def run(samples: NDArray[np.float32]) -> str:
        seconds = samples.size / 16_000
        clips = [
            {"start": start, "end": min(start + WINDOW, seconds)}
            for start in range(0, int(np.ceil(seconds)), WINDOW)
        ]
        segments, _ = pipeline.transcribe(
            samples, batch_size=8, clip_timestamps=clips, without_timestamps=False
        )
        return "\n".join(segment.text.strip() for segment in segments)

    return run


if __name__ == "__main__":
    main()
