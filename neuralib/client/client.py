"""A gateway, as seen from another machine."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar
from urllib.parse import quote

from pydantic import BaseModel, RootModel, ValidationError

from neuralib.client.transfer import BytesReport, download, unheard, upload
from neuralib.client.watch import watch, watch_all
from neuralib.client.wire import Wire
from neuralib.errors import NotFound, ServerUnreachable
from neuralib.events.event import Event
from neuralib.jobs.ids import Prefix
from neuralib.jobs.job import Job, JobArtifact
from neuralib.jobs.page import Page
from neuralib.jobs.sample import Sample
from neuralib.tasks import MidiTask, SeparateTask, TranscribeTask

Model = TypeVar("Model", bound=BaseModel)

_PAGE = 500
"""Jobs that are asked for at once."""

_NOUNS: dict[Prefix, str] = {"smp": "sample", "job": "job", "key": "key"}


class _Counts(RootModel[dict[str, int]]):
    """A number for each name."""


class Client:
    """The verbs of a cluster over HTTP; may be used from several threads.

    What is safe to repeat is repeated while the server is away for a short time.

    Args:
        server: address of the gateway, such as `http://neuralib.example:8000`.
        token: API key; None where the gateway wants none.
        patience_seconds: how long a server may be away that has answered before.

    Raises (all methods):
        ServerUnreachable: where nothing answers, or something that is no gateway.
        Unauthorized: where the token does not count.
        ClusterError: where the cluster behind the gateway does not work.
    """

    def __init__(
        self, server: str, token: str | None = None, *, patience_seconds: float = 60.0
    ) -> None:
        self._wire = Wire(server, token, patience_seconds)

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give the connections back."""
        self._wire.close()

    def check(self) -> None:
        """Make sure that the gateway is there, and takes the token."""
        self.samples(limit=1)

    def add_sample(self, path: Path, name: str, report: BytesReport = unheard) -> Sample:
        """Upload an audio file; bytes that are there already give the sample that has them.

        Args:
            path: of the file.
            name: that the sample is to have.
            report: told how many bytes have been sent.

        Raises:
            InputError: where it is no audio, or changes while it is read.
            TooLarge: where the server takes no upload of this size.
        """
        return self._read(Sample, upload(self._wire, path, "/v1/samples", name, report))

    def samples(
        self, *, query: str | None = None, cursor: str | None = None, limit: int = 50
    ) -> Page[Sample]:
        """List samples, the newest first; `query` is a part of their names."""
        params = {"q": query, "cursor": cursor, "limit": limit}
        return self._read(Page[Sample], self._wire.json("GET", "/v1/samples", params=params))

    def sample(self, sample_id: str) -> Sample:
        """Get one sample.

        Raises:
            NotFound: where there is none of this id.
        """
        return self._read(Sample, self._wire.json("GET", _path("smp", sample_id)))

    def remove_sample(self, sample_id: str) -> None:
        """Remove a sample, with its jobs and their results.

        Raises:
            NotFound: where there is none of this id.
            Conflict: where one of its jobs is queued or running.
        """
        self._wire.json("DELETE", _path("smp", sample_id))

    def fetch_audio(self, sample: Sample, path: Path, report: BytesReport = unheard) -> None:
        """Write the bytes of a sample to the file `path`.

        Raises:
            NotFound: where the sample is gone.
            OutputError: where the file cannot be written.
        """
        address = f"{_path('smp', sample.id)}/audio"
        download(self._wire, address, path, sample.sha256, report)

    def submit(
        self,
        task: SeparateTask | MidiTask | TranscribeTask,
        sample_id: str,
        *,
        force: bool = False,
        idempotency_key: str | None = None,
    ) -> Job:
        """Let a task run on a sample.

        Args:
            task: what is to be run.
            sample_id: what it is run on.
            force: compute it, although the same was computed before.
            idempotency_key: makes one job of several equal requests; None: a new one.

        Raises:
            NotFound: where there is no such sample.
            UsageError: where no worker can run the task.
        """
        body: dict[str, Any] = {"task": task.model_dump(mode="json"), "sample_id": sample_id}
        if force:
            body["force"] = True
        headers = {"Idempotency-Key": idempotency_key or secrets.token_hex(16)}
        return self._read(Job, self._wire.json("POST", "/v1/jobs", body=body, headers=headers))

    def jobs(
        self,
        *,
        state: str | None = None,
        task: str | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> Page[Job]:
        """List jobs, the newest first."""
        params = {"state": state, "task": task, "cursor": cursor, "limit": limit}
        return self._read(Page[Job], self._wire.json("GET", "/v1/jobs", params=params))

    def job(self, job_id: str) -> Job:
        """Get one job.

        Raises:
            NotFound: where there is none of this id.
        """
        return self._read(Job, self._wire.json("GET", _path("job", job_id)))

    def cancel(self, job_id: str) -> Job:
        """Stop a job, or do not start it.

        Raises:
            NotFound: where there is none of this id.
            Conflict: where it is done or failed.
        """
        return self._read(Job, self._wire.json("POST", f"{_path('job', job_id)}/cancel"))

    def retry(self, job_id: str) -> Job:
        """Queue a job again that failed or was cancelled.

        Raises:
            NotFound: where there is none of this id.
            Conflict: where it is in another state.
        """
        answer = self._wire.json("POST", f"{_path('job', job_id)}/retry", repeatable=False)
        return self._read(Job, answer)

    def fetch_artifact(
        self, job: Job, artifact: JobArtifact, path: Path, report: BytesReport = unheard
    ) -> None:
        """Write the bytes of a result to the file `path`.

        Raises:
            NotFound: where the job is gone.
            OutputError: where the file cannot be written.
        """
        address = f"{_path('job', job.id)}/artifacts/{quote(artifact.name, safe='')}"
        download(self._wire, address, path, artifact.sha256, report)

    def workers(self) -> dict[str, int]:
        """Count the workers that take each task."""
        return self._read(_Counts, self._wire.json("GET", "/v1/workers")).root

    def watch(self, job_id: str) -> Iterator[Event]:
        """Follow a job: first as it is now, last when it has ended.

        Connections that break are opened again, and no end is missed. Where events cannot be
        streamed (some proxies hold them back), the job is asked for again and again.

        Raises:
            NotFound: where there is none of this id.
        """
        address = f"{_path('job', job_id)}/events"
        return watch(self._wire, address, lambda: self.job(job_id))

    def watch_all(self) -> Iterator[Event]:
        """Follow all jobs, until the caller has had enough; first those that wait or run."""
        return watch_all(self._wire, "/v1/events", self._active, self.job)

    def _active(self) -> list[Job]:
        return [job for state in ("running", "queued") for job in self._all_jobs(state)]

    def _all_jobs(self, state: str) -> Iterator[Job]:
        page = self.jobs(state=state, limit=_PAGE)
        yield from page.items
        while page.cursor is not None:
            page = self.jobs(state=state, limit=_PAGE, cursor=page.cursor)
            yield from page.items

    def _read(self, model: type[Model], value: Any) -> Model:
        try:
            return model.model_validate(value)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            field = ".".join(str(part) for part in first["loc"])
            raise ServerUnreachable(
                f"{self._wire.server} answers what this version cannot read ({field}: "
                f"{first['msg']}); take the same version of NeuraLib here and there"
            ) from None


def _path(prefix: Prefix, id: str) -> str:
    """Give the address of a thing; an id that cannot be one never becomes a part of it."""
    noun = _NOUNS[prefix]
    if not re.fullmatch(rf"{prefix}_[0-9a-f]+", id):
        raise NotFound(
            f"{id!r} is not the id of a {noun}: those look like {prefix}_0195f3a1c2d7…; "
            f"`neuralib {noun}s list` shows them"
        )
    return f"/v1/{noun}s/{id}"
