"""The process that computes, seen from its worker: it is warm, and may crash alone."""

from __future__ import annotations

import atexit
import multiprocessing
import os
import pickle
import signal
import threading
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess

from neuralib.jobs.sample import Sample
from neuralib.settings import Settings
from neuralib.tasks import MidiTask, SeparateTask, TranscribeTask
from neuralib.workers.compute import OpenCompute, open_engines
from neuralib.workers.messages import Answer, Check, Order, Stop
from neuralib.workers.process import main
from neuralib.workers.scratch import Scratch

_SPAWN = multiprocessing.get_context("spawn")
_END_SECONDS = 5.0
_SECRETS = ("database_url", "redis_url", "token")
"""Settings that the child has no use for."""


class ChildGone(Exception):
    """The process ended by itself, or was killed by somebody else."""


class Child:
    """A process that keeps its models loaded from one order to the next.

    It is spawned, not forked, for CUDA does not survive a fork. It dies with the thread that
    started it, so `start` and `send` belong to a thread that lives long; `kill` and `wake` may be
    called from any.

    Args:
        settings: what it gets, apart from the addresses of database and Redis.
        open_compute: what it computes with.
    """

    def __init__(self, settings: Settings, open_compute: OpenCompute = open_engines) -> None:
        self._settings = settings.model_copy(update=dict.fromkeys(_SECRETS))
        self._open_compute = open_compute
        self._process: SpawnProcess | None = None
        self._connection: Connection | None = None
        self._scratch: Scratch | None = None
        self._lock = threading.Lock()
        # Whoever writes into a pipe that is being closed may hit another: its number is free then.
        self._piping = threading.Lock()
        self._waking = threading.Lock()
        self._woken, self._waker = _SPAWN.Pipe(duplex=False)
        self.orders = 0
        """How many orders the process that runs now was given."""
        atexit.register(self.kill)

    @property
    def pid(self) -> int | None:
        """Process id; None while it does not run."""
        process = self._process
        return process.pid if process is not None and process.is_alive() else None

    def start(self) -> None:
        """Start the process unless it runs."""
        if self.pid is not None:
            return
        self.kill()
        ours, theirs = _SPAWN.Pipe()
        scratch = Scratch()
        process = _SPAWN.Process(
            target=main,
            args=(theirs, self._settings, self._open_compute, scratch.path, os.getpid()),
            name="neuralib-child",
        )
        process.start()
        theirs.close()
        self._process, self._connection, self._scratch = process, ours, scratch
        self.orders = 0

    def send_order(self, task: SeparateTask | MidiTask | TranscribeTask, sample: Sample) -> int:
        """Let the process run a task; give the number by which it is stopped.

        Raises:
            ChildGone: where the process ended just now.
        """
        self.start()
        return self.put_order(task, sample)

    def put_order(
        self,
        task: SeparateTask | MidiTask | TranscribeTask,
        sample: Sample,
        *,
        beside: bool = False,
    ) -> int:
        """Give an order, as `send_order` does, to a process that was started.

        Args:
            task: what to run.
            sample: what to run it on.
            beside: at once, beside others; else after what was ordered before.
        """
        self.orders += 1
        self.put(Order(self.orders, task, sample, beside))
        return self.orders

    def send(self, message: Order | Check | Stop) -> None:
        """Give the process, started where it does not run, something to do.

        Raises:
            ChildGone: where it ended just now.
        """
        self.start()
        self.put(message)

    def put(self, message: Order | Check | Stop) -> None:
        """Give a process that was started something to do.

        Raises:
            ChildGone: where it ended just now.
        """
        connection = self._connection
        if connection is None:
            raise self._gone()
        data = pickle.dumps(message)
        try:
            with self._piping:
                connection.send_bytes(data)
        except OSError:
            raise self._gone() from None

    def receive(self, timeout_seconds: float) -> Answer | None:
        """Wait for the next answer.

        Returns:
            None where none came in time, or somebody called `wake`.

        Raises:
            ChildGone: where the process ended.
        """
        connection = self._connection
        if connection is None:
            raise self._gone()
        try:
            ready = wait([connection, self._woken], max(timeout_seconds, 0.0))
            if self._woken in ready:
                self._woken.recv_bytes()
            with self._piping:
                answer: Answer | None = connection.recv() if connection.poll() else None
        except (EOFError, OSError):
            raise self._gone() from None
        return answer

    def wake(self) -> None:
        """Let a `receive` of another thread return at once; safe in a signal handler."""
        if self._waking.acquire(blocking=False):  # else another thread wakes it just now
            try:
                self._waker.send_bytes(b"")
            finally:
                self._waking.release()

    def kill(self) -> None:
        """End the process now, with all that it holds; the next order starts another."""
        with self._lock:
            process, self._process = self._process, None
            connection, self._connection = self._connection, None
            scratch, self._scratch = self._scratch, None
            if process is not None:
                process.kill()
                process.join()
            if connection is not None:
                with self._piping:
                    connection.close()
            if scratch is not None:
                scratch.remove()

    def close(self) -> None:
        """End the process for good."""
        self.kill()
        atexit.unregister(self.kill)

    def _gone(self) -> ChildGone:
        process = self._process
        code = None
        if process is not None:
            process.join(_END_SECONDS)
            code = process.exitcode
        self.kill()
        return ChildGone(_how(code))


def _how(code: int | None) -> str:
    if code is None:
        return "its process went away"
    if code >= 0:
        return f"its process ended with status {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    why = ", as when memory runs out" if name == "SIGKILL" else ""
    return f"its process was ended by {name}{why}"
