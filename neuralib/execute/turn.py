"""Runs of one engine take turns, so that one computes while others read or write."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager


class Turn:
    """One run's turn with an engine.

    Args:
        lock: the engine's, held by whichever run computes.
    """

    def __init__(self, lock: threading.Lock) -> None:
        self._lock = lock
        self.waited_seconds = 0.0
        """Time that the run lost to others."""

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Wait for the engine, and keep it while the context lasts."""
        started = time.perf_counter()
        with self._lock:
            self.waited_seconds += time.perf_counter() - started
            yield
