"""Orders run with real models; imported in the child alone, for it brings numpy and more."""

from __future__ import annotations

import shutil
import socket
import threading
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import TypeVar

from neuralib.engines.pool import Engines, engine_class
from neuralib.errors import ModelMissing, NeuraLibError, OutputError, StorageUnreachable
from neuralib.execute import Artifact, Source, check, check_fit, execute
from neuralib.execute.sink import FolderSink
from neuralib.jobs.job import JobArtifact, JobError, JobResult
from neuralib.jobs.sample import Sample
from neuralib.models.open import open_store
from neuralib.progress import Progress, Report
from neuralib.queue.base import TaskKind
from neuralib.settings import Settings
from neuralib.storage.keys import artifact_key
from neuralib.storage.open import open_storage
from neuralib.tasks import MidiTask, SeparateTask, TranscribeTask, build_task
from neuralib.workers.messages import Finished, Order
from neuralib.workers.patience import patiently
from neuralib.workers.sample_cache import Recording, SampleCache

RESULT_NAMES: dict[TaskKind, str] = {
    "separate": "stems",
    "midi": "notes",
    "transcribe": "transcript",
}
"""What results are named after in place of the sample, so that they do not depend on its name."""

STORAGE_PATIENCE_SECONDS = 60.0
"""A storage that is away for less costs nothing but time."""

Value = TypeVar("Value")


class EngineCompute:
    """Keeps engines loaded, and the last samples on disk.

    Orders that run beside others keep their samples to themselves: the last few samples could be
    removed under their feet.

    Args:
        settings: of the worker.
        folder: an empty folder for temporary files.
        patience_seconds: how long to wait for a storage that does not answer.
    """

    def __init__(
        self, settings: Settings, folder: Path, patience_seconds: float = STORAGE_PATIENCE_SECONDS
    ) -> None:
        _lock_bars_within_the_process()
        self._storage = open_storage(settings)
        self._device = settings.device
        self._engines = Engines(open_store(settings), settings.device)
        self._loading = threading.Lock()
        self._samples = SampleCache(self._storage, folder / "samples")
        self._folder = folder
        self._patience_seconds = patience_seconds

    def run(self, order: Order, report: Report) -> Finished:
        """Run one task; see `Compute`."""
        task, sample = order.task, order.sample
        folder = self._folder / f"order{order.number}"
        samples = SampleCache(self._storage, folder / "sample") if order.beside else self._samples
        check(task)
        self._engines.locate(task)
        try:
            recording = self._patiently(partial(samples.get, sample), report)
            report(Progress("load"))
            with self._loading:
                check_fit(task, self._engines.get(task))
            return self._run(task, sample, recording, FolderSink(folder / "results"), report)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def check(self, kinds: tuple[TaskKind, ...]) -> tuple[JobError, ...]:
        """Say whether the device and the default models are here; see `Compute`."""
        wrong = []
        for kind in kinds:
            task = build_task({"kind": kind})
            for look in (self._place, self._engines.locate):
                try:
                    look(task)
                except ModelMissing as error:
                    wrong.append(JobError(code=error.code, message=_not_here(task)))
                except NeuraLibError as error:
                    wrong.append(JobError(code=error.code, message=f"{kind}: {error.message}"))
        return tuple(wrong)

    def _place(self, task: SeparateTask | MidiTask | TranscribeTask) -> object:
        return engine_class(task).place(self._device, task.precision)

    def _run(
        self,
        task: SeparateTask | MidiTask | TranscribeTask,
        sample: Sample,
        recording: Recording,
        sink: FolderSink,
        report: Report,
    ) -> Finished:
        name = RESULT_NAMES[task.kind]
        source = Source(recording.path, name, findings=recording.findings)
        try:
            result = execute(task, source, sink, report, self._engines)
        except NeuraLibError as error:
            raise _for_a_client(error, recording.path, sample) from None
        return Finished(
            JobResult(
                audio_seconds=result.audio_seconds,
                seconds=result.seconds,
                device=result.device,
                precision=result.precision,
                runtime=result.runtime,
                gain_db=result.gain_db,
            ),
            tuple(self._store(sample, result.artifacts, report)),
        )

    def _store(
        self, sample: Sample, artifacts: Iterable[Artifact], report: Report
    ) -> Iterable[JobArtifact]:
        for made in artifacts:
            key = artifact_key(sample.tenant, sample.id, made.sha256)
            self._patiently(partial(self._storage.put, key, Path(made.path)), report)
            yield JobArtifact(name=made.name, kind=made.kind, bytes=made.bytes, sha256=made.sha256)

    def _patiently(self, call: Callable[[], Value], report: Report) -> Value:
        """Wait for a storage that is away for a moment; a stop ends the wait."""

        def may_wait(waited_seconds: float) -> bool:
            report(Progress("load"))
            return waited_seconds < self._patience_seconds

        return patiently(call, StorageUnreachable, may_wait=may_wait)


def _not_here(task: SeparateTask | MidiTask | TranscribeTask) -> str:
    """Say in few words what may never matter: jobs may all name other models."""
    return (
        f"{task.kind}: model {task.model} is not here, jobs that name it fail; run "
        f"`neuralib models pull {task.model}`"
    )


def _for_a_client(error: NeuraLibError, path: Path, sample: Sample) -> NeuraLibError:
    """Say what went wrong in the words of somebody who knows neither files nor disk of a worker."""
    message = error.message.replace(repr(str(path)), repr(sample.name))
    if isinstance(error, OutputError):
        reason = message.partition("; ")[0]
        message = f"{reason} on worker {socket.gethostname()}; make room there, then retry the job"
    return type(error)(message)


def _lock_bars_within_the_process() -> None:
    """Give tqdm, which Whisper's libraries use, a lock that no kill leaves behind.

    Its own one is a semaphore of the system: where a child is killed, its parent would warn of a
    leak at its end.
    """
    from tqdm import tqdm

    tqdm.set_lock(threading.RLock())
