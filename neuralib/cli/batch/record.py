"""What is told about each input: one JSON record, the same shape whatever happened."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from neuralib.errors import NeuraLibError
from neuralib.execute import Result, artifact_kind
from neuralib.tasks import MidiTask, SeparateTask, TranscribeTask

Status = Literal["done", "failed", "skipped"]


@dataclass(frozen=True)
class Record:
    """The outcome of one input."""

    input: str
    task: str
    status: Status
    outputs: tuple[dict[str, Any], ...]
    """`kind`, `name`, `path`, `sha256` (None when skipped: not read again) and `bytes`."""
    audio_seconds: float | None
    seconds: float | None
    model: str
    device: str | None
    precision: str | None
    runtime: str | None
    """The library that computed."""
    gain_db: float | None
    """Of all stems alike, so that none clips; 0: none; None: no stems."""
    error: dict[str, str] | None
    """`code` and `message`."""

    def to_json(self) -> dict[str, Any]:
        """Give the record as a JSON object."""
        return asdict(self)


AnyTask = SeparateTask | MidiTask | TranscribeTask


def finished(label: str, task: AnyTask, result: Result) -> Record:
    """Record a run that is done."""
    return Record(
        input=label,
        task=task.kind,
        status="done",
        outputs=tuple(asdict(artifact) for artifact in result.artifacts),
        audio_seconds=round(result.audio_seconds, 6),
        seconds=round(result.seconds, 3),
        model=result.model,
        device=result.device,
        precision=result.precision,
        runtime=result.runtime,
        gain_db=result.gain_db,
        error=None,
    )


def failed(label: str, task: AnyTask, error: NeuraLibError) -> Record:
    """Record a run that failed, or never began."""
    return _without_run(label, task, "failed", error={"code": error.code, "message": error.message})


def existing(label: str, task: AnyTask, paths: Mapping[str, Path]) -> Record:
    """Record an input that was left alone because its results, by their names, are there."""
    outputs = tuple(
        {
            "kind": artifact_kind(task),
            "name": name,
            "path": str(path),
            "sha256": None,
            "bytes": path.stat().st_size,
        }
        for name, path in paths.items()
    )
    return _without_run(label, task, "skipped", outputs=outputs)


def _without_run(
    label: str,
    task: AnyTask,
    status: Status,
    *,
    outputs: tuple[dict[str, Any], ...] = (),
    error: dict[str, str] | None = None,
) -> Record:
    return Record(
        input=label,
        task=task.kind,
        status=status,
        outputs=outputs,
        audio_seconds=None,
        seconds=None,
        model=task.model,
        device=None,
        precision=None,
        runtime=None,
        gain_db=None,
        error=error,
    )
