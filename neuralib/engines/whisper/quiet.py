"""Keeping openai-whisper from warning about what its user cannot change."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

_HARMLESS = (
    "unclosed file .*tiktoken",  # it never closes its vocabulary
    "__array_wrap__ must accept",  # it gives tensors to NumPy
    "Performing inference on CPU when CUDA",  # --device cpu means it
    "Word-level timestamps on translations",  # docs/cli.md says so
    "Failed to launch Triton kernels",  # it falls back by itself
)


@contextmanager
def whisper_quiet() -> Iterator[None]:
    """Ignore the harmless warnings while the block runs."""
    with warnings.catch_warnings():
        for message in _HARMLESS:
            warnings.filterwarnings("ignore", message)
        yield
