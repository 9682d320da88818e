"""What Prometheus is told: about the cluster from SQL and the queue, about this server from here.

The numbers of jobs, queues and workers are those of the whole cluster, and each gateway tells
the same: take the `max` over gateways, not the sum. Connections and HTTP are the gateway's own.
"""

from __future__ import annotations

import contextlib
import threading
from collections import Counter as Tally
from collections.abc import Iterator
from typing import Final

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from neuralib.errors import ClusterError
from neuralib.jobs.ended import EndedJobs
from neuralib.service.parts import Parts

_HTTP_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0)
_JOB_SECONDS: Final = (0.05, 0.1, 0.5, 1, 5, 15, 60, 300, 900, 3600, 4 * 3600)


class Metrics:
    """The metrics of one app, in a registry of its own."""

    def __init__(self, parts: Parts) -> None:
        registry = CollectorRegistry(auto_describe=False)
        self._registry = registry
        self.requests = Counter(
            "neuralib_http_requests",
            "Requests that were answered.",
            ("route", "method", "status"),
            registry=registry,
        )
        self.seconds = Histogram(
            "neuralib_http_request_seconds",
            "Time from a request to the end of its answer; streams of events are left out.",
            ("route",),
            buckets=_HTTP_SECONDS,
            registry=registry,
        )
        self.connections = Gauge(
            "neuralib_sse_connections", "Open streams of events.", registry=registry
        )
        self._wait = Histogram(
            "neuralib_job_wait_seconds",
            "Time from a job's submission to its last start.",
            ("task",),
            buckets=_JOB_SECONDS,
            registry=registry,
        )
        self._run = Histogram(
            "neuralib_job_run_seconds",
            "Time of a job's last run.",
            ("task", "state"),
            buckets=_JOB_SECONDS,
            registry=registry,
        )
        self._ended = EndedJobs(parts.database)
        self._asking = threading.Lock()
        ProcessCollector(registry=registry)
        registry.register(_Cluster(parts))

    def text(self) -> bytes:
        """Write all metrics in the text format of Prometheus; asks SQL and the queue."""
        with self._asking:
            self.observe()
            return generate_latest(self._registry)

    def observe(self) -> None:
        """Count the jobs that ended since the last time."""
        with contextlib.suppress(ClusterError):  # `neuralib_up` says so
            for each in filter(lambda ended: ended.ran, self._ended.new()):
                self._wait.labels(each.kind).observe(each.wait_seconds)
                self._run.labels(each.kind, each.state).observe(each.run_seconds)


class _Cluster(Collector):
    """Jobs, queues and workers, asked for when they are wanted."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def collect(self) -> Iterator[Metric]:
        """Give what SQL and the queue tell; what cannot be asked is left out."""
        up = GaugeMetricFamily("neuralib_up", "1: it answers.", labels=("part",))
        for part, ask in (("database", self._jobs), ("queue", self._queue)):
            try:
                families = ask()
            except ClusterError:
                up.add_metric((part,), 0)
            else:
                up.add_metric((part,), 1)
                yield from families
        yield up

    def _jobs(self) -> list[Metric]:
        jobs = GaugeMetricFamily("neuralib_jobs", "Jobs.", labels=("task", "state"))
        for (kind, state), count in self._parts.jobs.counts().items():
            jobs.add_metric((kind, state), count)
        return [jobs]

    def _queue(self) -> list[Metric]:
        labels = ("task", "lane")
        depth = GaugeMetricFamily("neuralib_queue_depth", "Jobs that wait.", labels=labels)
        age = GaugeMetricFamily(
            "neuralib_queue_age_seconds", "How long the first one has waited.", labels=labels
        )
        for each in self._parts.queue.depths():
            depth.add_metric((each.kind, each.lane), each.waiting)
            age.add_metric((each.kind, each.lane), each.age_seconds)
        workers = GaugeMetricFamily("neuralib_workers", "Workers.", labels=("task", "state"))
        states = Tally(
            (kind, worker.state) for worker in self._parts.queue.workers() for kind in worker.kinds
        )
        for (kind, state), count in states.items():
            workers.add_metric((kind, state), count)
        return [depth, age, workers]
