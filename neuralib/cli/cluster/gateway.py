"""What `neuralib serve` starts: the gateway, and workers in its own process."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from neuralib.cli.console import note, put
from neuralib.engines.device import check_name, cores
from neuralib.errors import ClusterError, OutputError, UsageError
from neuralib.queue.embedded import EmbeddedQueue
from neuralib.server.serve import serve
from neuralib.service.parts import Parts, opened_parts
from neuralib.settings import Settings
from neuralib.workers.main import open_embedded
from neuralib.workers.team import MOST_TOGETHER

_LOG = logging.getLogger(__name__)


def run_gateway(settings: Settings, host: str, port: int, workers: int) -> None:
    """Serve until SIGTERM or SIGINT, and print the address when requests are taken.

    Args:
        settings: of this machine.
        host: address to listen at.
        port: to listen at; 0 takes a free one.
        workers: how many jobs run at a time in this process, where its queue is inside it.

    Raises:
        UsageError: where the address or the device cannot be used, or another gateway uses the
            data folder.
        OutputError: where the data folder cannot be written.
        ClusterError: where a part of the cluster does not answer.
    """
    check_name(settings.device)
    if not host:
        raise UsageError("--host: got ''; name an address, such as 127.0.0.1, or leave it out")
    with ExitStack() as stack:
        if settings.redis_url is None:
            stack.enter_context(_alone(settings.data_dir.expanduser()))
        parts = stack.enter_context(opened_parts(settings))
        background: list[AbstractContextManager[object]] = [_looked_at(parts)]
        if isinstance(parts.queue, EmbeddedQueue):
            background += [_embedded(parts, settings) for _ in range(workers)]
            if not workers:
                note("no jobs run here: they wait for a `neuralib serve` without --no-worker")
        else:
            note("no jobs run in this process; `neuralib worker` runs them")
        serve(settings, parts, host=host, port=port, background=background, listening=put)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keep the data folder to this process: its queue and events are inside it.

    A second one would run jobs that those who wait at the first never hear of.

    Raises:
        UsageError: where another process has it.
        OutputError: where it cannot be written.
    """
    lock = FileLock(folder / "serve.lock", timeout=0, thread_local=False)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout:
        raise UsageError(
            f"another `neuralib serve` uses the data folder {str(folder)!r}; stop it, or name "
            "another folder with NEURALIB_DATA_DIR; several gateways share a Redis, named by "
            "NEURALIB_REDIS_URL"
        ) from None
    except NotImplementedError:  # a file system without locks
        yield
        return
    except OSError as error:
        raise OutputError(
            f"cannot write to the data folder {str(folder)!r}: {error.strerror or error}; change "
            "its permissions, or name another folder with NEURALIB_DATA_DIR"
        ) from None
    try:
        yield
    finally:
        lock.release()


@contextmanager
def _looked_at(parts: Parts) -> Iterator[None]:
    """Log which parts do not answer at the start, and serve meanwhile: they may come yet."""
    thread = threading.Thread(target=_look, args=(parts,))
    thread.start()
    try:
        yield
    finally:
        thread.join()


def _look(parts: Parts) -> None:
    for part in (parts.queue, parts.storage):
        try:
            part.ping()
        except ClusterError as error:
            _LOG.warning("%s", error.message, extra={"action": "server.lacks"})


@contextmanager
def _embedded(parts: Parts, settings: Settings) -> Iterator[None]:
    worker = open_embedded(parts, settings, together=min(cores(), MOST_TOGETHER))
    worker.start()
    try:
        yield
    finally:
        worker.stop()
