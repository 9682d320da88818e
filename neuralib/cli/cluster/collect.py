"""`neuralib jobs get`: results of jobs that somebody submitted earlier."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from neuralib.cli.batch.inputs import Input, safe_stem, with_unique_names
from neuralib.cli.batch.output import check_folder, result_folder, show_record
from neuralib.cli.batch.record import Record, failed, finished
from neuralib.cli.cluster.base import Cluster
from neuralib.cli.cluster.fetch import fetch_result, reason
from neuralib.cli.cluster.rows import Row, progress_rows
from neuralib.errors import NeuraLibError, NotFound, UsageError
from neuralib.execute.sink import FolderSink, Sink, StreamSink
from neuralib.jobs.job import Job


def collect(
    cluster: Cluster, ids: Sequence[str], output: str | None, *, json: bool, quiet: bool
) -> int:
    """Write the results of jobs as local runs on their samples would have; give the exit status.

    Raises:
        UsageError: where standard output cannot take them.
        NotFound: where there is no job of one of these ids: nothing is fetched then.
        ClusterError: where the cluster does not answer.
    """
    jobs = [cluster.job(job_id) for job_id in dict.fromkeys(ids)]
    if output == "-":
        _check_stream(jobs, json=json)
    else:
        check_folder(Path(output or "."))
    status = 0
    with progress_rows(enabled=not quiet) as rows:
        for job, entry in zip(jobs, _entries(cluster, jobs), strict=True):
            record = _one(cluster, job, entry, output, rows.row(entry.label))
            with rows.aside():
                show_record(record, json=json, paths=output != "-")
            status = status or int(record.status == "failed")
    return status


def _one(cluster: Cluster, job: Job, entry: Input, output: str | None, row: Row) -> Record:
    def report(fraction: float) -> None:
        row.moved("fetching", fraction)

    try:
        if job.state != "done":
            raise reason(job)
        result = fetch_result(cluster, job, entry.name, _sink(job, entry, output), report)
        return finished(entry.label, job.task, result)
    except NeuraLibError as error:
        if error.exit_status == 4 and job.state == "done" and not isinstance(error, NotFound):
            raise
        return failed(entry.label, job.task, error)
    finally:
        row.end()


def _entries(cluster: Cluster, jobs: Sequence[Job]) -> list[Input]:
    """Name the results after the samples; no two of one task alike."""
    entries: dict[str, Input] = {}
    for kind in dict.fromkeys(job.task.kind for job in jobs):
        of_kind = [job for job in jobs if job.task.kind == kind]
        names = [cluster.sample(job.sample_id).name for job in of_kind]
        inputs = [Input(name, Path(name), safe_stem(Path(name).stem)) for name in names]
        unique = with_unique_names(inputs)
        entries |= {job.id: entry for job, entry in zip(of_kind, unique, strict=True)}
    return [entries[job.id] for job in jobs]


def _sink(job: Job, entry: Input, output: str | None) -> Sink:
    if output == "-":
        return StreamSink(sys.stdout.buffer)
    return FolderSink(result_folder(output, job.task, entry.name))


def _check_stream(jobs: Sequence[Job], *, json: bool) -> None:
    if json:
        raise UsageError("-o - and --json both want standard output; give one of them")
    if len(jobs) != 1:
        raise UsageError(f"-o - writes one result, but {len(jobs)} jobs were given")
    count = len(jobs[0].artifacts)
    if jobs[0].state == "done" and count != 1:
        raise UsageError(f"-o - writes one result, but the job has {count}; name a folder with -o")
    if sys.stdout.isatty() and any(_is_binary(artifact.name) for artifact in jobs[0].artifacts):
        raise UsageError(
            "standard output is a terminal, and the result is binary; redirect it to a file, or "
            "name a folder with -o"
        )


def _is_binary(name: str) -> bool:
    texts = (".txt", ".srt", ".vtt", ".tsv", ".json", ".lrc", ".elrc", ".ass", ".csv")
    return not name.endswith(texts)
