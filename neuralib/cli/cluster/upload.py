"""`neuralib samples add` and `get`: recordings on their way to a cluster and back."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from neuralib.audio.decode import probe
from neuralib.cli.batch.inputs import Input, readable, safe_stem, with_unique_names
from neuralib.cli.batch.output import check_folder
from neuralib.cli.cluster.base import Cluster
from neuralib.cli.cluster.rows import Row, Rows, progress_rows
from neuralib.cli.console import complain, put, put_json
from neuralib.errors import InputError, TooLarge, UsageError
from neuralib.execute.sink import FolderSink, Sink, StreamSink
from neuralib.jobs.sample import Sample


def add_samples(cluster: Cluster, entries: Sequence[Input], *, json: bool, bars: bool) -> int:
    """Upload recordings, print a line for each; one that is no audio does not stop the rest.

    Returns:
        The exit status.

    Raises:
        ClusterError: where the cluster does not answer.
    """
    status = 0
    with progress_rows(enabled=bars) as rows:
        for entry in entries:
            row = rows.row(entry.label)
            try:
                sample = _add(cluster, entry, row)
            except (InputError, TooLarge) as error:
                told = entry.label == "-" or entry.label in error.message
                complain(error.message if told else f"{entry.label}: {error.message}")
                status = 1
                continue
            finally:
                row.end()
            with rows.aside():
                if json:
                    put_json(sample.model_dump(mode="json"))
                else:
                    put(sample.id)
    return status


def sample_name(entry: Input) -> str:
    """Say what a sample is called on the cluster."""
    return "stdin" if entry.label == "-" else entry.path.name


def get_samples(cluster: Cluster, ids: Sequence[str], output: str | None, *, bars: bool) -> int:
    """Write the bytes of samples to files of their names; give the exit status.

    Raises:
        UsageError: where standard output cannot take them.
        NotFound: where there is no sample of one of these ids: nothing is fetched then.
        ClusterError: where the cluster does not answer.
    """
    samples = [cluster.sample(sample_id) for sample_id in dict.fromkeys(ids)]
    if output != "-":
        check_folder(Path(output or "."))
    elif len(samples) != 1:
        raise UsageError(f"-o - writes one recording, but {len(samples)} were asked for")
    elif sys.stdout.isatty():
        raise UsageError("standard output is a terminal; redirect it, or name a folder with -o")
    with progress_rows(enabled=bars) as rows:
        for sample, name in zip(samples, _file_names(samples), strict=True):
            _fetch(cluster, sample, name, output, rows)
    return 0


def _add(cluster: Cluster, entry: Input, row: Row) -> Sample:
    if entry.error:
        raise entry.error
    with readable(entry) as path:
        probe(path)
        total = path.stat().st_size or 1
        return cluster.add_sample(
            path, sample_name(entry), lambda done_bytes: row.moved("sending", done_bytes / total)
        )


def _fetch(cluster: Cluster, sample: Sample, name: str, output: str | None, rows: Rows) -> None:
    row = rows.row(sample.name)
    sink: Sink = StreamSink(sys.stdout.buffer) if output == "-" else FolderSink(Path(output or "."))
    try:
        with sink:
            # Nothing that can be computed again: its name is its own.
            draft = sink.create("stem", name)
            cluster.fetch_audio(
                sample, draft, lambda here: row.moved("fetching", here / (sample.bytes or 1))
            )
    finally:
        row.end()
    if output != "-":
        with rows.aside():
            put(sink.artifacts[0].path)


def _file_names(samples: Sequence[Sample]) -> list[str]:
    """Name files after samples, no two alike, each with its suffix."""
    entries = [
        Input(sample.id, Path(sample.name), safe_stem(Path(sample.name).stem)) for sample in samples
    ]
    names = []
    for entry in with_unique_names(entries):
        suffix = entry.path.suffix
        names.append(entry.name if entry.name.endswith(suffix) else entry.name + suffix)
    return names
