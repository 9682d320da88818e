"""Remembering what was computed of an array, for as long as the array is there."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Hashable
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar

import numpy as np
from numpy.typing import NDArray

Options = ParamSpec("Options")
Value = TypeVar("Value")
Samples = NDArray[np.float32]


def per_array(
    function: Callable[Concatenate[Samples, Options], Value],
) -> Callable[Concatenate[Samples, Options], Value]:
    """Let `function` compute once for each array (the object, not its numbers) and options.

    Whoever keeps a recording's samples so keeps what was found out about them; the array must
    not be written to. Two threads that ask at once may both compute.
    """
    known: dict[int, dict[Hashable, Value]] = {}

    @wraps(function)
    def remembering(array: Samples, /, *values: Options.args, **options: Options.kwargs) -> Value:
        key = (values, tuple(sorted(options.items())))
        if id(array) not in known:
            known[id(array)] = {}
            weakref.finalize(array, known.pop, id(array), None).atexit = False
        found = known[id(array)]
        if key not in found:
            found[key] = function(array, *values, **options)
        return found[key]

    return remembering
