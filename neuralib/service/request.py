"""What identifies a request for a job: the same one again, or the same result again."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any

from pydantic_core import PydanticSerializationError

from neuralib.errors import UnknownModel, UsageError
from neuralib.models.catalogue import CATALOGUE
from neuralib.models.imported import is_name
from neuralib.queue.base import Lane
from neuralib.tasks import SeparateTask, Task

_CHECKPOINT = re.compile(r".*\.(th|pt|pth|bin|safetensors|onnx|yaml|yml)", re.IGNORECASE)
_MOST_TASK_BYTES = 16 * 1024
"""Of a task as JSON; a page of a list has up to a thousand of them."""
_KEY = re.compile(r"[\x21-\x7e]{1,200}")


def result_key(sha256: str, task: Task) -> str:
    """Name the result that a task has on some bytes, in 64 hex digits.

    It covers the bytes, every option, and the digests of the model's checkpoint as far as the
    catalogue knows them.

    Args:
        sha256: of the sample's bytes.
        task: what is run on it.
    """
    model = CATALOGUE.get(task.model)
    digests = [file.sha256 for file in model.files] if model is not None else []
    return _digest(sha256, _canonical(task), digests)


def request_sha256(task: Task, sample_id: str, lane: Lane, force: bool) -> str:
    """Name what was asked for, to tell a repeated request from another one."""
    return _digest(_canonical(task), sample_id, lane, force)


def check_key(key: str) -> str:
    """Return an idempotency key that can be kept.

    Raises:
        UsageError: where it is empty, longer than 200 characters, or not plain ASCII.
    """
    if not _KEY.fullmatch(key):
        raise UsageError(
            f"Idempotency-Key: got {key[:40]!r}; it must be 1 to 200 visible ASCII characters "
            "without spaces, such as a UUID"
        )
    return key


def check_task(task: Task) -> None:
    """Refuse what no worker can run, as far as that is known without the model.

    Raises:
        UnknownModel: where the model is a path, or one of another task.
        UsageError: where the model does not have a stem that is asked for, or a text cannot be
            stored, or is too long.
    """
    try:
        size = len(task.model_dump_json().encode())
    except PydanticSerializationError:
        raise UsageError(
            "task: a text in it is no Unicode (half of a surrogate pair); write it anew"
        ) from None
    if size > _MOST_TASK_BYTES:
        raise UsageError(
            f"task: it has {size} bytes as JSON, and {_MOST_TASK_BYTES} are allowed; shorten its "
            "texts"
        )
    model = CATALOGUE.get(task.model)
    if model is None:
        if not is_name(task.model) or _CHECKPOINT.fullmatch(task.model):
            raise UnknownModel(
                f"model {task.model!r} is a path; a cluster takes names: those of "
                "`neuralib models list`, or of checkpoints that its workers have imported"
            )
        return
    if model.kind != task.kind:
        names = ", ".join(each.name for each in CATALOGUE.values() if each.kind == task.kind)
        raise UnknownModel(
            f"{model.name} is a model for {model.kind}, not for {task.kind}; the models for "
            f"{task.kind} are {names}"
        )
    if isinstance(task, SeparateTask):
        _check_stems(task, model.sources)


def _check_stems(task: SeparateTask, sources: tuple[str, ...]) -> None:
    wanted = task.stems or ((task.two_stems,) if task.two_stems else ())
    for stem in wanted:
        if stem not in sources:
            raise UsageError(
                f"model {task.model!r} has no stem {stem!r}; its stems are {', '.join(sources)}"
            )


def _canonical(task: Task) -> dict[str, Any]:
    return task.model_dump(mode="json")


def _digest(*facts: object) -> str:
    text = json.dumps(facts, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
