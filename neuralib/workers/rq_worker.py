"""A worker of RQ's queues that runs jobs in a warm child, and outlives an outage of Redis."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Sequence
from typing import Any

from redis.client import PubSub, PubSubWorkerThread
from redis.exceptions import RedisError, ResponseError
from rq import Queue
from rq.job import Job
from rq.serializers import JSONSerializer
from rq.utils import as_text, now
from rq.worker.base import BaseWorker
from rq.worker_registration import clean_worker_registry, register

from neuralib.queue.base import TaskKind
from neuralib.queue.rq import STOP_CHANNEL
from neuralib.queue.rq_connection import connect, place_of
from neuralib.queue.rq_job import RunJob, is_ours
from neuralib.workers.lanes import Lanes
from neuralib.workers.runner import Runner
from neuralib.workers.team import LOOK_SECONDS, Team

_HEARTBEAT_SECONDS = 5.0
_TTL_SECONDS = 60
"""A worker that was not heard of for so long is not listed any more."""

_CLEAN_SECONDS = 600.0
_LONGEST_PAUSE_SECONDS = 5.0

_LOG = logging.getLogger(__name__)


class RqWorker(BaseWorker):
    """Takes ids from the lanes of its tasks (see `Lanes`), and gives them to a runner.

    SQL is the truth, so of RQ's own bookkeeping only that remains by which its tools see the
    worker: its key, its queues, its state, its commands. No job is entered in RQ's registries,
    so RQ's maintenance has nothing to run again or to lose; an id that a worker took and then
    died with is put again by the reconciler.

    Args:
        url: of the Redis.
        runner: runs the jobs.
        kinds: of tasks that it takes.
        name: unique among all workers.
        grace_seconds: how long a job may go on after SIGTERM before it is handed back.
        together: short jobs that may be under way at once; see `Team`.
    """

    def __init__(
        self,
        url: str,
        runner: Runner,
        kinds: Sequence[TaskKind],
        name: str,
        *,
        grace_seconds: float,
        together: int = 1,
    ) -> None:
        connection = connect(url)
        self._lanes = Lanes(connection, kinds)
        super().__init__(
            self._lanes.queues,
            name=name,
            connection=connection,
            job_class=RunJob,
            worker_ttl=_TTL_SECONDS,
            prepare_for_work=False,  # would reach for Redis, which need not be there yet
            serializer=JSONSerializer,
        )
        self.hostname = socket.gethostname()
        self.pid = os.getpid()
        self.ip_address = "unknown"
        self.birth_date = now()
        self._job_id = ""
        self._runner = runner
        self._team = Team(runner, together)
        self._grace_seconds = grace_seconds
        self._closed = threading.Event()
        self._cleaned_at = -_CLEAN_SECONDS
        self._listener: PubSubWorkerThread | None = None

    @property
    def connection_timeout(self) -> int:
        """Seconds that Redis may take to answer: RQ shall not raise what the connection has."""
        return 0

    def work(self, *_: Any, max_jobs: int | None = None, **__: Any) -> bool:
        """Run jobs until a signal comes, or `max_jobs` were taken.

        Returns:
            Whether a job was taken.
        """
        self.listen_to_signals()
        heart = threading.Thread(target=self._keep_known, name="heartbeat", daemon=True)
        heart.start()
        taken = 0
        try:
            while not self._runner.leaving and (max_jobs is None or taken < max_jobs):
                found = self._take()
                if found is not None:
                    self.execute_job(*found)
                    taken += 1
                if self._state == "busy" and self._team.kind is None:
                    self._state, self._job_id = "idle", ""
                    self._tell_state()
        finally:
            self._team.join()
            self._closed.set()
            heart.join()
            self.teardown()
        return taken > 0

    def execute_job(self, job: Job, queue: Queue) -> None:
        """Run a job, unless its payload is not one of ours."""
        if self._begin(job):
            self._team.run(job.id)
        else:
            _LOG.error(
                "refused job %s of queue %s: its payload names other code than ours",
                *(job.id, queue.name),
                extra={"action": "job.refused", "job_id": job.id},
            )

    def request_stop(self, signum: Any, frame: Any) -> None:
        """Leave: at the first signal with grace, at the second at once."""
        self._runner.leave(0.0 if self._runner.leaving else self._grace_seconds)

    def kill_horse(self, sig: signal.Signals = signal.SIGTERM) -> None:
        """Stop the job that runs: what RQ's commands end in."""
        job_id = self._runner.job_id
        if job_id is not None:
            self._runner.stop(job_id)

    def get_current_job_id(self) -> str | None:
        """Give the id of the job that runs."""
        return self._runner.job_id

    @property
    def horse_pid(self) -> int:
        """Not 0 while a job runs, for RQ's commands; the child has no pid to be signalled by."""
        return int(self._runner.job_id is not None)

    def listen_to_signals(self) -> None:
        """Let SIGTERM and SIGINT end the work."""
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, self.request_stop)
            signal.signal(signal.SIGTERM, self.request_stop)

    def _take(self) -> tuple[Job, Queue] | None:
        kind = self._team.kind
        try:
            if kind is None:
                found = self._lanes.take()
            else:
                found = self._lanes.take_beside(kind) if self._team.has_room else None
        except RedisError as error:
            self._wait_for_redis(error)
            return None
        if found is None and kind is not None:
            self._team.wait(LOOK_SECONDS)
        if found is None:
            return None
        queue, job_id = found
        try:
            job = RunJob(as_text(job_id), self.connection, JSONSerializer)
        except ValueError:
            _LOG.error("refused %r: no id of a job", job_id, extra={"action": "job.refused"})
            return None
        return job, queue

    def _begin(self, job: Job) -> bool:
        """Take the job out of Redis, and tell that it runs here; False where it is not ours."""
        self._state, self._job_id = "busy", job.id
        try:
            with self.connection.pipeline() as pipe:
                pipe.hget(job.key, "data")
                pipe.delete(job.key)
                pipe.hset(self.key, mapping=self._told())
                data = pipe.execute()[0]
        except RedisError:
            return True  # the id is all that is needed: SQL knows whether there is such a job
        return data is None or is_ours(data, job.id)

    def _tell_state(self) -> None:
        with contextlib.suppress(RedisError):  # the next heartbeat says it again
            self.connection.hset(self.key, mapping=self._told())

    def _told(self) -> dict[Any, Any]:
        return {"state": self._state, "current_job": self._runner.job_id or self._job_id}

    def _wait_for_redis(self, error: RedisError) -> None:
        _LOG.warning(
            "waiting for Redis at %s: %s",
            *(place_of(self.connection), error),
            extra={"action": "worker.waits"},
        )
        # One that answers, and refuses, does so until a person has mended something.
        pause = _LONGEST_PAUSE_SECONDS if isinstance(error, ResponseError) else 0.2
        while not self._runner.leaving:
            time.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)
            with contextlib.suppress(RedisError):
                self.connection.ping()
                _LOG.info("Redis answers again", extra={"action": "worker.goes_on"})
                return

    def _keep_known(self) -> None:
        """Renew everything by which the worker is known; it may all have been forgotten."""
        while True:
            try:
                self.heartbeat()
                if self._listener is None or not self._listener.is_alive():
                    self.subscribe()
                if time.monotonic() >= self._cleaned_at + _CLEAN_SECONDS:
                    self._cleaned_at = time.monotonic()
                    for queue in self.queues:
                        clean_worker_registry(queue)
            except RedisError:
                pass  # the thread that takes jobs says so, and waits
            if self._closed.wait(_HEARTBEAT_SECONDS):
                return

    def heartbeat(self, timeout: int | None = None, pipeline: Any = None) -> None:
        """Write down what is known of the worker, for some time."""
        self.last_heartbeat = now()
        told = self._told()
        with self.connection.pipeline() as pipe:
            pipe.hset(self.key, mapping=self.serialize() | told)
            pipe.expire(self.key, timeout or _TTL_SECONDS)
            register(self, pipe)
            pipe.execute()
        if self._told() != told:  # a job was begun or ended while this was under way
            self._tell_state()

    def subscribe(self) -> None:
        """Listen for jobs that shall stop, and for RQ's commands."""
        pubsub: PubSub = self.connection.pubsub()  # type: ignore[no-untyped-call] # redis'
        pubsub.subscribe(
            **{STOP_CHANNEL: self._hear_stop, self.pubsub_channel_name: self.handle_payload}
        )
        self._listener = pubsub.run_in_thread(
            sleep_time=1, daemon=True, exception_handler=self._pubsub_exception_handler
        )

    def teardown(self) -> None:
        """Take leave of Redis, where it is there."""
        if self._listener is not None:
            self._listener.stop()
        with contextlib.suppress(RedisError):
            self.register_death()  # type: ignore[no-untyped-call] # rq annotates a part of itself
        self.connection.close()

    def _hear_stop(self, message: dict[str, Any]) -> None:
        self._runner.stop(message["data"].decode())

    def _pubsub_exception_handler(self, exc: Exception, pubsub: Any, pubsub_thread: Any) -> None:
        if self._closed.is_set():
            return  # its connection is closed under its feet
        if not isinstance(exc, RedisError):
            _LOG.warning("could not read a command: %r", exc, extra={"action": "worker.command"})
        self._closed.wait(1.0)  # then redis connects and subscribes again
