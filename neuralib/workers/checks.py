"""What a worker looks at before it takes its first job."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from neuralib.errors import ClusterError, DeviceMissing, NeuraLibError, UsageError, error_class
from neuralib.jobs.job import JobError
from neuralib.queue.base import TaskKind
from neuralib.service.parts import Parts, open_parts
from neuralib.settings import Settings
from neuralib.workers.child import Child, ChildGone
from neuralib.workers.messages import Check, Checked

_PAUSE_SECONDS = 2.0
_CHILD_SECONDS = 120.0
"""Time to import the libraries, from a cold and slow disk too."""

_LOG = logging.getLogger(__name__)


def wait_for_parts(settings: Settings, leaving: Callable[[], bool]) -> Parts | None:
    """Open the parts of the cluster as soon as all of them answer; say what is waited for.

    Args:
        settings: of the worker.
        leaving: asked now and then; where it says yes, None is given back.

    Raises:
        UsageError: where an address is written wrongly.
    """
    said = ""
    while not leaving():
        try:
            return _answering(settings)
        except ClusterError as error:
            if error.message != said:
                said = error.message
                _LOG.warning("waiting: %s", said, extra={"action": "worker.waits"})
            time.sleep(_PAUSE_SECONDS)
    return None


def check_models(child: Child, kinds: tuple[TaskKind, ...]) -> tuple[JobError, ...]:
    """Let the child say what is missing on this machine for tasks of these kinds.

    A missing model is only said: jobs may name others. The child has its libraries imported
    then, so that the first job need not wait for them.

    Raises:
        DeviceMissing: where the device is not here: no job could be run.
        UsageError: where the device, or the storage's address, is written wrongly.
    """
    errors = _ask(child, kinds)
    for error in errors:
        if error.code in (DeviceMissing.code, UsageError.code):
            raise error_class(error.code)(error.message)
        _LOG.warning("%s", error.message, extra={"action": "worker.lacks"})
    return errors


def _answering(settings: Settings) -> Parts:
    parts = open_parts(settings)
    try:
        parts.queue.ping()
        parts.events.ping()
        parts.storage.ping()
    except NeuraLibError:
        parts.close()
        raise
    return parts


def _ask(child: Child, kinds: tuple[TaskKind, ...]) -> tuple[JobError, ...]:
    try:
        child.send(Check(kinds))
        answer = child.receive(_CHILD_SECONDS)
    except ChildGone as gone:
        return (JobError(code="internal", message=f"the first process of this worker: {gone}"),)
    if not isinstance(answer, Checked):  # it takes its time; a first order would wait for it
        child.kill()
        return (JobError(code="internal", message="the models were not checked in time"),)
    return answer.errors
