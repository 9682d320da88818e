"""What `neuralib serve` starts: the gateway, and workers in its own process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from neuralib.cli.console import note, put
from neuralib.engines.device import check_name
from neuralib.queue.embedded import EmbeddedQueue
from neuralib.server.serve import serve
from neuralib.service.parts import Parts, opened_parts
from neuralib.settings import Settings
from neuralib.workers.main import open_embedded


def run_gateway(settings: Settings, host: str, port: int, workers: int) -> None:
    """Serve until SIGTERM or SIGINT, and print the address when requests are taken.

    Args:
        settings: of this machine.
        host: address to listen at.
        port: to listen at; 0 takes a free one.
        workers: how many jobs run at a time in this process, where its queue is inside it.

    Raises:
        UsageError: where the address or the device cannot be used.
        ClusterError: where a part of the cluster does not answer.
    """
    check_name(settings.device)
    with opened_parts(settings) as parts:
        background: list[AbstractContextManager[object]] = []
        if isinstance(parts.queue, EmbeddedQueue):
            background = [_embedded(parts, settings) for _ in range(workers)]
        if not background:
            note("no jobs run in this process; `neuralib worker` runs them")
        serve(settings, parts, host=host, port=port, background=background, listening=put)


@contextmanager
def _embedded(parts: Parts, settings: Settings) -> Iterator[None]:
    worker = open_embedded(parts, settings)
    worker.start()
    try:
        yield
    finally:
        worker.stop()
