"""Trying again while a service of the cluster is away for a moment."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from neuralib.errors import ClusterError

_FIRST_PAUSE_SECONDS = 0.25
_LONGEST_PAUSE_SECONDS = 5.0
_STEP_SECONDS = 0.2

Result = TypeVar("Result")


def patiently(
    call: Callable[[], Result],
    gone: type[ClusterError],
    *,
    may_wait: Callable[[float], bool],
    told: Callable[[ClusterError], None] = lambda error: None,
) -> Result:
    """Give what `call` gives, called again after pauses for as long as it raises `gone`.

    Args:
        call: what to do; safe to repeat.
        gone: the error that may pass.
        may_wait: asked several times a second with the seconds that were waited in all; where it
            says no, the error is raised.
        told: gets the first error.

    Raises:
        NeuraLibError: what `call` raised last.
    """
    began = time.monotonic()
    pause = _FIRST_PAUSE_SECONDS
    while True:
        try:
            return call()
        except gone as error:
            if pause == _FIRST_PAUSE_SECONDS:
                told(error)
            again = time.monotonic() + pause
            while time.monotonic() < again:
                if not may_wait(time.monotonic() - began):
                    raise
                time.sleep(_STEP_SECONDS)
            pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)
