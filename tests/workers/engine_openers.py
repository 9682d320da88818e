"""Real engines in a child, with something odd about their surroundings."""

from __future__ import annotations

import os
import resource
import time
from pathlib import Path

from neuralib.engines.pool import engine_class
from neuralib.progress import Progress, Report
from neuralib.settings import Settings
from neuralib.tasks import MidiTask, SeparateTask, TranscribeTask
from neuralib.workers.compute import Compute
from neuralib.workers.engine_compute import EngineCompute
from neuralib.workers.messages import Finished, Order

SMALL_BYTES = 100_000


class Observed(EngineCompute):
    """Writes down every load and measuring pass, and how long after its order each run began."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        super().__init__(settings, folder, patience_seconds=0.0)
        self._log = settings.data_dir / "runs.log"
        for task in (SeparateTask(), MidiTask(), TranscribeTask()):
            chosen = engine_class(task)
            chosen.load = self._observed(chosen.load)  # type: ignore[method-assign]

    def run(self, order: Order, report: Report) -> Finished:
        began = time.monotonic()
        seen = set()

        def observed(progress: Progress) -> None:
            if progress.stage in ("measure", "run") and progress.stage not in seen:
                seen.add(progress.stage)
                self._write(f"{progress.stage} {os.getpid()} {time.monotonic() - began:.6f}")
            report(progress)

        return super().run(order, observed)

    def _observed(self, load):  # type: ignore[no-untyped-def]
        def observed(engine) -> None:  # type: ignore[no-untyped-def]
            if not hasattr(engine, "observed"):  # a second call of `load` does nothing
                engine.observed = True
                self._write(f"load {os.getpid()} {type(engine).__name__}")
            load(engine)

        return observed

    def _write(self, line: str) -> None:
        with self._log.open("a") as log:
            log.write(line + "\n")


def open_observed(settings: Settings, folder: Path) -> Compute:
    return Observed(settings, folder)


class Held(EngineCompute):
    """Stays in the middle of each run for as long as there is a file `hold` in the data folder."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        super().__init__(settings, folder)
        self._data_dir = settings.data_dir

    def run(self, order: Order, report: Report) -> Finished:
        def held(progress: Progress) -> None:
            report(progress)
            if progress.stage == "run":
                (self._data_dir / f"held-{order.sample.id}").touch()
            while progress.stage == "run" and (self._data_dir / "hold").exists():
                time.sleep(0.01)
                report(progress)

        return super().run(order, held)


def open_held(settings: Settings, folder: Path) -> Compute:
    return Held(settings, folder)


def open_cramped(settings: Settings, folder: Path) -> Compute:
    """No file may become larger than a small one, as on a disk that is almost full."""
    compute = Observed(settings, folder)
    resource.setrlimit(resource.RLIMIT_FSIZE, (SMALL_BYTES, SMALL_BYTES))
    return compute


def open_broken(settings: Settings, folder: Path) -> Compute:
    """A library that ends the process as it is loaded."""
    os._exit(7)
