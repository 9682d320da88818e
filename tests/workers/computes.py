"""What children do in the tests in place of models: what the sample's name says."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

from neuralib.errors import DeviceMissing, NoAudio
from neuralib.jobs.job import JobArtifact, JobError, JobResult
from neuralib.progress import Progress, Report
from neuralib.queue.base import TaskKind
from neuralib.settings import Settings
from neuralib.workers.compute import Compute
from neuralib.workers.messages import Finished, Order

RESULT = JobResult(audio_seconds=1.0, seconds=0.0, device="cpu", precision="fp32")
ARTIFACT = JobArtifact(name="notes.mid", kind="notes", bytes=4, sha256="0" * 64)


class Scripted:
    """Does what the sample is called, and writes down each run."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        self._log = settings.data_dir / "runs.log"
        self._folder = folder
        self._runs = 0
        self._filled = False

    def run(self, order: Order, report: Report) -> Finished:
        self._runs += 1
        what, _, seconds = order.sample.name.partition(" ")
        with self._log.open("a") as log:
            log.write(f"{what} {os.getpid()} {self._runs} {self._folder} {order.beside}\n")
        getattr(self, f"_{what}")(float(seconds or 0), report)
        return Finished(RESULT, (ARTIFACT,))

    def check(self, kinds: tuple[TaskKind, ...]) -> tuple[JobError, ...]:
        return ()

    def _nothing(self, seconds: float, report: Report) -> None:
        """What costs nothing."""

    def _listen(self, seconds: float, report: Report) -> None:
        """A run that reports all the time, and so can be stopped."""
        began = time.monotonic()
        while (done := time.monotonic() - began) < seconds:
            report(Progress("run", done, seconds))
            time.sleep(0.01)
        report(Progress("run", seconds, seconds))

    def _deaf(self, seconds: float, report: Report) -> None:
        """A run in the middle of a long call of a library."""
        time.sleep(seconds)

    def _crash(self, seconds: float, report: Report) -> None:
        time.sleep(seconds)
        os.kill(os.getpid(), signal.SIGKILL)

    def _exit(self, seconds: float, report: Report) -> None:
        os._exit(3)

    def _quit(self, seconds: float, report: Report) -> None:
        """What a library does that thinks that it is a program."""
        sys.exit(3)

    def _refuse(self, seconds: float, report: Report) -> None:
        raise NoAudio("'song.wav' holds no audio")

    def _fault(self, seconds: float, report: Report) -> None:
        raise KeyError("two\nlines")

    def _full(self, seconds: float, report: Report) -> None:
        """A device that earlier orders have filled."""
        if self._runs > 1:
            raise DeviceMissing("the GPU has too little memory")

    def _fill(self, seconds: float, report: Report) -> None:
        """A model that stays on the device."""
        self._filled = True

    def _crowded(self, seconds: float, report: Report) -> None:
        """What finds no room beside such a model."""
        if self._filled:
            raise DeviceMissing("the GPU has too little memory")


def open_scripted(settings: Settings, folder: Path) -> Compute:
    return Scripted(settings, folder)


def open_telltale(settings: Settings, folder: Path) -> Compute:
    """Cannot be opened, and says what it was given."""
    raise NoAudio(f"{settings.database_url} {settings.redis_url} {settings.token}")
