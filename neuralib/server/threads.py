"""What blocks, out of the event loop: a pool for SQL, apart from the one that moves bytes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import ParamSpec, TypeVar

from neuralib.errors import DatabaseUnreachable

P = ParamSpec("P")
R = TypeVar("R")

_THREADS = 16
"""Fewer than the connections that one process has to the database."""
PATIENCE_SECONDS = 60.0
"""A request is given up after this long: a database that froze would keep all threads for good."""


class Threads:
    """Runs short blocking calls; long ones (uploads, downloads) have threads of their own."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="service")

    async def __call__(self, function: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        """Call `function` in a thread, and wait for what it returns.

        Raises:
            DatabaseUnreachable: where that takes too long; it may still be done later.
        """
        loop = asyncio.get_running_loop()
        call = loop.run_in_executor(self._pool, partial(function, *args, **kwargs))
        try:
            done, _ = await asyncio.wait({call}, timeout=PATIENCE_SECONDS)
        finally:
            call.cancel()  # where it is not done, and perhaps has not begun
        if not done:
            raise DatabaseUnreachable(f"there was no answer in {PATIENCE_SECONDS:g} s")
        return call.result()

    def close(self) -> None:
        """Drop what has not begun."""
        self._pool.shutdown(wait=False, cancel_futures=True)
