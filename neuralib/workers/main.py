"""A whole worker: what `neuralib worker` and `neuralib serve` start."""

from __future__ import annotations

import logging
import secrets
import signal
import socket
import threading
from collections.abc import Sequence

from neuralib.errors import UsageError
from neuralib.queue.base import TASK_KINDS, TaskKind
from neuralib.queue.embedded import EmbeddedQueue
from neuralib.service.parts import Parts
from neuralib.service.runs import Runs
from neuralib.settings import Settings
from neuralib.workers.checks import check_models, wait_for_parts
from neuralib.workers.child import Child
from neuralib.workers.compute import OpenCompute, open_engines
from neuralib.workers.embedded import EmbeddedWorker
from neuralib.workers.runner import Runner

GRACE_SECONDS = 30.0
"""How long a job may go on after SIGTERM; after that it is handed back."""

_LOG = logging.getLogger(__name__)


def run_worker(
    settings: Settings,
    kinds: Sequence[TaskKind] = TASK_KINDS,
    *,
    max_jobs: int | None = None,
    grace_seconds: float = GRACE_SECONDS,
    together: int = 1,
    open_compute: OpenCompute = open_engines,
) -> int:
    """Take jobs from Redis and run them until SIGTERM or SIGINT; give the exit status.

    A service of the cluster that is away is said and waited for, at the start and later.

    Args:
        settings: of this machine; `device` says what to compute on.
        kinds: of tasks to take; within a lane each goes first in turn.
        max_jobs: end after this many jobs; None: never.
        grace_seconds: how long a job may go on after the first signal before it is handed back;
            a second signal hands it back at once.
        together: short jobs that may be under way at once; see `Team`.
        open_compute: what runs the jobs.

    Raises:
        UsageError: where no Redis is named, or an address or the device is written wrongly.
        DeviceMissing: where the device is not here.
    """
    if settings.redis_url is None:
        raise UsageError(
            "a worker takes its jobs from Redis; set NEURALIB_REDIS_URL, or use `neuralib serve`, "
            "which runs jobs itself"
        )
    left = threading.Event()
    child = Child(settings, open_compute)

    def leave(*_: object) -> None:
        left.set()
        child.wake()

    try:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, leave)
            signal.signal(signal.SIGINT, leave)
        check_models(child, tuple(kinds))
        parts = wait_for_parts(settings, left.is_set)
        if parts is not None:
            runner = _runner(parts, settings, child)
            try:
                _work(runner, settings, tuple(kinds), max_jobs, grace_seconds, together, left)
            finally:
                runner.close()
            parts.close()
    finally:
        child.close()
    return 0


def open_embedded(
    parts: Parts,
    settings: Settings,
    open_compute: OpenCompute = open_engines,
    together: int = 1,
) -> EmbeddedWorker:
    """Make the worker that runs all jobs inside this process; `start` it, and `stop` it.

    Raises:
        UsageError: where the queue of `parts` is not an embedded one.
    """
    if not isinstance(parts.queue, EmbeddedQueue):
        raise UsageError(
            "jobs wait in Redis here (NEURALIB_REDIS_URL is set); start `neuralib worker`"
        )
    runner = _runner(parts, settings, Child(settings, open_compute))
    return EmbeddedWorker(runner, parts.queue, name=runner.name, together=together)


def _work(
    runner: Runner,
    settings: Settings,
    kinds: tuple[TaskKind, ...],
    max_jobs: int | None,
    grace_seconds: float,
    together: int,
    left: threading.Event,
) -> None:
    # RQ takes a fifth of a second to import, which a laptop's gateway need not wait for.
    from neuralib.workers.rq_worker import RqWorker

    assert settings.redis_url is not None
    url, name = settings.redis_url.get_secret_value(), runner.name
    worker = RqWorker(url, runner, kinds, name, grace_seconds=grace_seconds, together=together)
    _LOG.info("worker %s takes %s", name, ", ".join(kinds), extra={"action": "worker.started"})
    worker.listen_to_signals()
    if left.is_set():  # a signal came before the worker listened
        runner.leave(0.0)
    worker.work(max_jobs=max_jobs)
    _LOG.info("worker %s left", name, extra={"action": "worker.left"})


def _runner(parts: Parts, settings: Settings, child: Child) -> Runner:
    return Runner(
        Runs(parts),
        child,
        _name(),
        timeout_seconds=settings.job_timeout_seconds,
        idle_release_seconds=settings.idle_release_seconds,
    )


def _name() -> str:
    """Name a worker so that none is called like one that was here before."""
    return f"{socket.gethostname()}.{secrets.token_hex(3)}"
