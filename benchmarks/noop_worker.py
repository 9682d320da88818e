"""A worker whose jobs do nothing: `python -m benchmarks.noop_worker`, settings as usual.

All that a job costs apart from its model is real: RQ, SQL, the lease, the child, the events.
"""

from __future__ import annotations

from pathlib import Path

from neuralib.jobs.job import JobError, JobResult
from neuralib.progress import Report
from neuralib.queue.base import TaskKind
from neuralib.settings import Settings, load_settings
from neuralib.workers.main import run_worker
from neuralib.workers.messages import Finished, Order


class Noop:
    def run(self, order: Order, report: Report) -> Finished:
        return Finished(JobResult(audio_seconds=0, seconds=0, device="cpu", precision="fp32"), ())

    def check(self, kinds: tuple[TaskKind, ...]) -> tuple[JobError, ...]:
        return ()


def open_noop(settings: Settings, folder: Path) -> Noop:
    return Noop()


if __name__ == "__main__":
    from benchmarks.noop_worker import open_noop as open_compute  # by a name that a child can find

    raise SystemExit(run_worker(load_settings(), open_compute=open_compute))
