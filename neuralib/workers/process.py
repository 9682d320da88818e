"""What runs in a child process: take an order, compute, answer; die with the parent."""

from __future__ import annotations

import ctypes
import logging
import os
import queue
import signal
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path

from neuralib.errors import Cancelled, InternalError, NeuraLibError
from neuralib.jobs.job import JobError
from neuralib.meter import Meter
from neuralib.progress import Progress
from neuralib.settings import Settings
from neuralib.workers.compute import Compute, OpenCompute
from neuralib.workers.messages import (
    MOST_BESIDE,
    Answer,
    Check,
    Checked,
    Failed,
    Order,
    Stop,
    Told,
)

TELL_SECONDS = 0.25
"""Least time between two answers about the progress of an order."""

_LOG = logging.getLogger(__name__)
_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def main(
    connection: Connection,
    settings: Settings,
    open_compute: OpenCompute,
    folder: Path,
    parent: int,
) -> None:
    """Work until the parent lets go of the pipe.

    Args:
        connection: the child's end of the pipe.
        settings: of the worker, without the addresses of database and Redis.
        open_compute: gives what runs the orders.
        folder: for temporary files; the parent removes it.
        parent: process id of the worker.
    """
    _die_with(parent)
    # The terminal, or a service manager, signals the whole group; the parent decides what ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    inbox, outbox = Inbox(connection), Outbox(connection)
    compute: Compute | None = None
    # Models that come with threads of their own want to be called from one thread only: the main.
    beside = ThreadPoolExecutor(MOST_BESIDE, thread_name_prefix="beside")
    for message in inbox:
        try:
            compute = compute or open_compute(settings, folder)
        except Exception as error:
            outbox.send(_failed(message, error))
            continue
        if isinstance(message, Order) and message.beside:
            beside.submit(_work_beside, message, compute, inbox, outbox)
        else:
            _work(message, compute, inbox, outbox)


class Outbox:
    """Writes whole messages into the pipe, whoever sends them."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._lock = threading.Lock()

    def send(self, answer: Answer) -> None:
        """Let the parent have it."""
        with self._lock:
            self._connection.send(answer)


class Inbox:
    """Reads the pipe while others compute, so that a stop is heard at once."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._messages: queue.SimpleQueue[Order | Check] = queue.SimpleQueue()
        self._under_way: set[int] = set()
        self._stopped: set[int] = set()
        threading.Thread(target=self._read, name="inbox", daemon=True).start()

    def __iter__(self) -> Iterator[Order | Check]:
        """Wait for one message after the other."""
        while True:
            yield self._messages.get()

    def is_stopped(self, number: int) -> bool:
        """Tell whether the order of this number shall end."""
        return number in self._stopped

    def forget(self, number: int) -> None:
        """Take note that the order of this number has ended."""
        self._under_way.discard(number)
        self._stopped.discard(number)

    def _read(self) -> None:
        try:
            while True:
                message = self._connection.recv()
                if isinstance(message, Stop):
                    if message.number in self._under_way:
                        self._stopped.add(message.number)
                    continue
                if isinstance(message, Order):
                    self._under_way.add(message.number)
                self._messages.put(message)
        except (EOFError, OSError):
            os._exit(0)  # the parent is gone: nobody wants what is being computed


class Reporter:
    """Hears what a running task reports: passes it on now and then, and ends a stopped one."""

    def __init__(self, outbox: Outbox, inbox: Inbox, number: int) -> None:
        self._outbox = outbox
        self._inbox = inbox
        self._number = number
        self._meter = Meter()
        self._told = Told(0.0, None, number)
        self._told_at = -TELL_SECONDS

    def __call__(self, progress: Progress) -> None:
        """Take note of `progress`.

        Raises:
            Cancelled: where the order shall end.
        """
        if self._inbox.is_stopped(self._number):
            raise Cancelled("the run was stopped")
        self._meter.take(progress)
        now = time.monotonic()
        if now - self._told_at < TELL_SECONDS:
            return
        new = Told(round(self._meter.fraction, 4), self._meter.eta_seconds, self._number)
        if new != self._told:
            self._outbox.send(new)
            self._told, self._told_at = new, now


def told(error: Exception) -> JobError:
    """Say in one line for a person why an order failed."""
    if not isinstance(error, NeuraLibError):
        _LOG.error("a run failed by a fault of NeuraLib", exc_info=error)
        error = InternalError(
            f"{type(error).__name__}: {error}; this is a fault of NeuraLib: please report it, "
            "with what the worker's log says"
        )
    return JobError(code=error.code, message=error.message)


def _work_beside(order: Order, compute: Compute, inbox: Inbox, outbox: Outbox) -> None:
    """Run an order in a thread; end the process where the main thread would have ended it."""
    try:
        _work(order, compute, inbox, outbox)
    except BaseException:  # the pool would keep it to itself, and the worker wait for an answer
        _LOG.exception("the thread of a run has ended")
        os._exit(1)


def _work(message: Order | Check, compute: Compute, inbox: Inbox, outbox: Outbox) -> None:
    answer: Answer
    try:
        if isinstance(message, Check):
            answer = Checked(compute.check(message.kinds))
        else:
            reporter = Reporter(outbox, inbox, message.number)
            answer = replace(compute.run(message, reporter), number=message.number)
    except Exception as error:
        answer = _failed(message, error)
    if isinstance(message, Order):
        inbox.forget(message.number)
    outbox.send(answer)


def _failed(message: Order | Check, error: Exception) -> Failed | Checked:
    if isinstance(message, Check):
        return Checked((told(error),))
    return Failed(told(error), message.number)


def _die_with(parent: int) -> None:
    """Let Linux kill this process as soon as the parent ends; elsewhere the pipe tells."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(0)  # it ended before it could be watched
