"""What a task will write, known before it runs."""

from __future__ import annotations

from collections.abc import Callable

from neuralib.execute.separate import artifact_names
from neuralib.execute.sink import ArtifactKind
from neuralib.tasks import MidiTask, SeparateTask, TranscribeTask


def artifact_kind(task: SeparateTask | MidiTask | TranscribeTask) -> ArtifactKind:
    """Name the kind of everything that `task` writes."""
    if isinstance(task, SeparateTask):
        return "stem"
    return "notes" if isinstance(task, MidiTask) else "transcript"


def expected_names(
    task: SeparateTask | MidiTask | TranscribeTask,
    name: str,
    sources: Callable[[], tuple[str, ...]],
) -> tuple[str, ...]:
    """Name the files that `task` writes for a source called `name`.

    Args:
        task: what will run.
        name: of the source.
        sources: gives the stems of the model; called for a `SeparateTask` only.

    Raises:
        UsageError: where the task asks for a stem that the model does not have.
    """
    if isinstance(task, SeparateTask):
        return artifact_names(task, sources())
    return tuple(f"{name}.{format}" for format in task.formats)
