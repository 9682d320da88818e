"""A worker whose models stop at their first call: `python -m benchmarks.warm_worker`.

All before that is real. Jobs on a sample called `whole` run to their end, which loads the models.
It appends to `times.log` in the data folder when a job is dequeued, reaches the child, and calls
its model (Whisper: when its spectrogram is ready): a word and the monotonic clock, which all
processes of a machine share.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from neuralib.progress import Report
from neuralib.settings import Settings, load_settings
from neuralib.workers.compute import Compute
from neuralib.workers.main import run_worker
from neuralib.workers.messages import Finished, Order

WHOLE = "whole"
TIMES = "times.log"


class ModelCalled(Exception):
    """Ends a run where its model would begin."""


def mark(settings: Settings, what: str) -> None:
    """Write down that something happens now."""
    now = time.monotonic()
    with (settings.data_dir / TIMES).open("a") as file:
        file.write(f"{what} {now}\n")


def watch_queue(settings: Settings) -> None:
    """Note when an id leaves Redis."""
    from neuralib.workers.rq_worker import RqWorker

    take = RqWorker._take

    def taken(worker: RqWorker) -> Any:
        found = take(worker)
        if found is not None:
            mark(settings, "dequeued")
        return found

    RqWorker._take = taken  # type: ignore[method-assign] # looked at, not changed


def open_stopped(settings: Settings, folder: Path) -> Compute:
    """Give what runs orders up to their first call of a model; numpy is the child's alone."""
    from neuralib.engines.basic_pitch.engine import BasicPitch
    from neuralib.engines.demucs.openvino import OpenVINONetwork
    from neuralib.engines.whisper.log_mel import BlockwiseLogMel
    from neuralib.workers.engine_compute import EngineCompute

    whole = True

    class Stopped(EngineCompute):
        def run(self, order: Order, report: Report) -> Finished:
            nonlocal whole
            mark(settings, "ordered")
            whole = order.sample.name == WHOLE
            return super().run(order, report)

    def stopped(call: Callable[..., Any]) -> Callable[..., Any]:
        def first(*arguments: Any, **options: Any) -> Any:
            if whole:
                return call(*arguments, **options)
            mark(settings, "called")
            raise ModelCalled

        return first

    OpenVINONetwork.start = stopped(OpenVINONetwork.start)  # type: ignore[method-assign] # as above
    BasicPitch._run = stopped(BasicPitch._run)  # type: ignore[method-assign] # as above
    make_mel = BlockwiseLogMel.__call__
    listen = stopped(lambda mel: mel)  # Whisper is called next, whichever library computes

    def made_mel(*arguments: Any, **options: Any) -> Any:
        return listen(make_mel(*arguments, **options))

    BlockwiseLogMel.__call__ = made_mel  # type: ignore[method-assign] # as above
    return Stopped(settings, folder)


if __name__ == "__main__":
    from benchmarks.warm_worker import open_stopped as open_compute  # by a name a child can find

    settings = load_settings()
    watch_queue(settings)
    raise SystemExit(run_worker(settings, open_compute=open_compute))
