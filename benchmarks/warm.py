"""How soon a warm worker's child calls its model: `python -m benchmarks.warm [SECONDS ...]`.

Gives `separate` (micro HTDemucs) and `midi` orders on songs of several lengths to what runs in the
child, and prints the median time from an order to the first call of the model, without the first
order of each task, which loads the model. Claiming a job and handing it over come before that.
"""

from __future__ import annotations

import hashlib
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path

import soundfile

from neuralib.jobs.sample import Sample
from neuralib.progress import silent
from neuralib.settings import Settings
from neuralib.storage.keys import audio_key
from neuralib.storage.open import open_storage
from neuralib.tasks import MidiTask, SeparateTask
from neuralib.workers.engine_compute import EngineCompute
from neuralib.workers.messages import Order
from tests.audio_files import noise

ROOT = Path(__file__).parent.parent
MODEL = ROOT / "tests" / "micro" / "htdemucs_micro.safetensors"
RATE = 44100
ROUNDS = 5
TASKS = (SeparateTask(model=str(MODEL), stems=("vocals",)), MidiTask())


class ModelCalled(Exception):
    """Ends an order where its model would begin."""


def main() -> None:
    lengths = [int(word) for word in sys.argv[1:]] or [20, 180]
    print("| task | song, s | order to model call, median ms |\n|---|---|---|", flush=True)
    with tempfile.TemporaryDirectory() as name:
        settings = Settings(data_dir=Path(name), offline=True)
        (Path(name) / "child").mkdir()
        compute = EngineCompute(settings, Path(name) / "child")
        samples = {seconds: add_song(settings, Path(name), seconds) for seconds in lengths}
        for task in TASKS:
            compute.run(Order(0, task, samples[lengths[0]]), silent)
        stop_at_the_models()
        for task in TASKS:
            for seconds, sample in samples.items():
                order = Order(0, task, sample)
                times = [
                    1000 * time_of(lambda o=order: compute.run(o, silent)) for _ in range(ROUNDS)
                ]
                print(f"| {task.kind} | {seconds} | {statistics.median(times):.1f} |", flush=True)


def time_of(run: Callable[[], object]) -> float:
    started = time.perf_counter()
    try:
        run()
    except ModelCalled:
        return time.perf_counter() - started
    raise AssertionError("the model was never called")


def stop_at_the_models() -> None:
    """Let the models, which are loaded, raise in place of computing."""
    from demucs.htdemucs import HTDemucs

    from neuralib.engines.basic_pitch import BasicPitch

    def stop(*_: object) -> None:
        raise ModelCalled

    HTDemucs.forward = stop
    BasicPitch._run = stop  # type: ignore[assignment] # it ends here


def add_song(settings: Settings, folder: Path, seconds: int) -> Sample:
    """Store stereo noise as a sample."""
    path = folder / f"{seconds}.wav"
    soundfile.write(path, noise(RATE * seconds).T, RATE, "PCM_16")
    data = path.read_bytes()
    sample = Sample(
        id=f"smp_{seconds}",
        tenant="local",
        name=path.name,
        sha256=hashlib.sha256(data).hexdigest(),
        bytes=len(data),
        audio_seconds=seconds,
        sample_rate=RATE,
        channels=2,
        created_at=datetime.now(timezone.utc),
    )
    open_storage(settings).put(audio_key("local", sample.id), path)
    return sample


if __name__ == "__main__":
    main()
