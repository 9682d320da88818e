"""Bringing the results of a job here, as a run on this machine would have written them."""

from __future__ import annotations

from collections.abc import Callable

from neuralib.cli.cluster.base import Cluster
from neuralib.errors import (
    Cancelled,
    Conflict,
    MissingError,
    ModelError,
    NeuraLibError,
    error_class,
)
from neuralib.execute import Result
from neuralib.execute.sink import Sink
from neuralib.jobs.job import Job, JobArtifact


def fetch_result(
    cluster: Cluster, job: Job, name: str, sink: Sink, report: Callable[[float], None]
) -> Result:
    """Put all artifacts of a job into `sink`, or none; tell what a local run tells.

    Args:
        cluster: that has them.
        job: one that has ended.
        name: what the results are named after.
        sink: where they go.
        report: told the part that is here, 0 to 1.

    Raises:
        NeuraLibError: why the job has no results, or why they cannot be brought here.
    """
    if job.state != "done" or job.result is None:
        raise reason(job)
    total = sum(artifact.bytes for artifact in job.artifacts) or 1
    done = 0

    def here(done_bytes: int) -> None:
        report((done + done_bytes) / total)

    with sink:
        sink.check_room(total, "the results")
        for artifact in job.artifacts:
            draft = sink.create(artifact.kind, local_name(artifact, name))
            cluster.fetch_artifact(job, artifact, draft, here)
            done += artifact.bytes
    return Result(
        artifacts=sink.artifacts,
        audio_seconds=job.result.audio_seconds,
        seconds=job.result.seconds,
        model=job.task.model,
        device=job.result.device,
        precision=job.result.precision,
        runtime=job.result.runtime,
        gain_db=job.result.gain_db,
    )


def local_name(artifact: JobArtifact, name: str) -> str:
    """Name the file of an artifact: `notes.mid` becomes `song.mid`, a stem keeps its name."""
    if artifact.kind == "stem":
        return artifact.name
    return f"{name}.{artifact.name.partition('.')[2]}"


def reason(job: Job) -> NeuraLibError:
    """Say why a job has no results."""
    if job.error is not None:
        kind = error_class(job.error.code)
        # Its paths and its advice are about another machine.
        where = "on the worker: " if issubclass(kind, MissingError | ModelError) else ""
        return kind(where + job.error.message)
    if job.state == "cancelled":
        return Cancelled(f"job {job.id} was cancelled; `neuralib jobs retry {job.id}` runs it")
    return Conflict(
        f"job {job.id} is {job.state}; its results are there when it is done: "
        f"`neuralib jobs watch {job.id}` waits for it"
    )
