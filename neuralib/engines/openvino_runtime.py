"""OpenVINO, which computes a model's graph on this machine's processor.

The three engines ask here what it can do, and have their graphs compiled here, so that threads,
arithmetic and errors are the same for all.
"""

from __future__ import annotations

import ctypes
import logging
import mmap
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from neuralib.engines.device import cores
from neuralib.engines.quota import quota
from neuralib.engines.refusal import brief
from neuralib.errors import CheckpointError, DeviceMissing, EngineMissing, InternalError
from neuralib.tasks import Precision

if TYPE_CHECKING:
    from openvino import CompiledModel, Core, Model

_LOG = logging.getLogger(__name__)

RUNTIME = "openvino"
"""Its name in records."""

_TYPES: dict[str, str] = {"fp32": "f32", "bf16": "bf16", "fp16": "f16"}
_PROBED = 64
"""Rows and columns of the product by which the processor's arithmetic is asked for."""
_WEIGHTS: list[tuple[mmap.mmap, Any]] = []
"""Mapped files of weights; graphs point into them, and nothing says when they no longer do."""


@lru_cache(maxsize=1)
def is_here() -> bool:
    """Whether OpenVINO is installed and starts; where it is but does not, a warning says so."""
    if find_spec("openvino") is None:
        return False
    try:
        core()
    except EngineMissing as error:
        _LOG.warning("%s; this is slower without it", error.message)
        return False
    return True


@lru_cache(maxsize=1)
def core() -> Core:
    """Give the process's one OpenVINO.

    Raises:
        EngineMissing: where it is not installed, or does not start.
    """
    try:
        import openvino

        return openvino.Core()
    except (ImportError, RuntimeError) as error:
        raise EngineMissing(
            f"OpenVINO cannot be used ({brief(str(error))}); run `pip install --force-reinstall "
            "openvino`"
        ) from error


def computes(precision: Precision) -> bool:
    """Whether OpenVINO has fast kernels of `precision` (not `auto`) for this processor.

    Elsewhere it refuses, or multiplies a hundred times slower.
    """
    kernel = _kernel(precision)
    return precision == "fp32" or ("brgemm" in kernel and kernel.endswith("_" + _TYPES[precision]))


def best_precision(device: str) -> Precision:
    """Say what `--precision auto` means for an engine that runs its graphs by OpenVINO.

    bfloat16 where the processor multiplies whole tiles of it (AMX), four times as fast as
    float32; with AVX-512 alone it is no faster. The answer is the kernel's name, not a measured
    time, so that it is always the same here.

    Args:
        device: `cpu`, `cuda:N` or `mps`; float32 on all but the first.
    """
    on_processor = device == "cpu" and is_here()
    return "bf16" if on_processor and "amx" in _kernel("bf16") else "fp32"


def compile_graph(
    graph: Path,
    precision: Precision,
    *,
    streams: int = 1,
    change: Callable[[Any], Any] = lambda model: model,
    **settings: Any,
) -> CompiledModel:
    """Read a graph (`.xml` beside its `.bin`) and make it ready for the processor.

    All the cores that this process may use compute together; with several streams each has its
    part of them, and as many requests run side by side.

    Args:
        graph: the file; its weights in float32 unless less is wanted.
        precision: `fp32`, `bf16` or `fp16`; one that it `computes`.
        streams: requests that run side by side.
        change: makes another graph of the one that was read, before it is made ready.
        settings: more of OpenVINO's own, by their names (`PERF_COUNT=True`).

    Raises:
        EngineMissing: where OpenVINO is not installed.
        CheckpointError: where the file is no graph.
        DeviceMissing: where the memory does not suffice.
    """
    settings = {
        "INFERENCE_PRECISION_HINT": _TYPES[precision],
        "INFERENCE_NUM_THREADS": cores(),
        "NUM_STREAMS": streams,
        # A thread that may not leave its core waits there for whatever else runs on it; other
        # containers' threads would be sent to the same cores.
        "ENABLE_CPU_PINNING": streams > 1 and quota() is None,
        **settings,
    }
    with errors_mapped(), _read(graph) as model:
        return core().compile_model(change(model), "CPU", settings)


@contextmanager
def memory_released() -> Iterator[None]:
    """Let what is no longer needed leave the memory at the end.

    That is the weights of all graphs in their files' form: the kernels have them in their own,
    which those that know the number of rows only when they are called make then, and what is
    still looked at comes from the file again. And it is what was freed: glibc keeps blocks of up to
    32 MB (`mallopt(3)`), which after some windows of Whisper are hundreds of megabytes.
    """
    try:
        yield
    finally:
        for weights, _ in _WEIGHTS:
            if hasattr(weights, "madvise"):  # not on Windows
                weights.madvise(mmap.MADV_DONTNEED)
        if (trim := _malloc_trim()) is not None:
            trim(0)


@lru_cache(maxsize=1)
def _malloc_trim() -> Callable[[int], int] | None:
    """Find the function of glibc; other C libraries give back by themselves."""
    trim: Callable[[int], int] | None = None
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    return trim


@contextmanager
def errors_mapped() -> Iterator[None]:
    """Map what OpenVINO raises as it makes a graph ready, or runs it.

    Raises:
        DeviceMissing: for too little memory.
        InternalError: for anything else.
    """
    try:
        yield
    except RuntimeError as error:
        if _wants_memory(error):
            raise DeviceMissing(
                "this machine has too little free memory for the model; close what else uses it, "
                "or take a smaller model"
            ) from None
        raise InternalError(f"OpenVINO failed ({brief(str(error).strip())})") from error


@contextmanager
def _read(graph: Path) -> Iterator[Model]:
    """Read a graph, whose weights leave the memory when the block ends.

    They are in the file's form until then, and beside it in the one that the kernels want.
    """
    from openvino import Tensor

    try:
        with graph.with_suffix(".bin").open("rb") as file:
            # Tensors are made of what could be written, though nothing is.
            weights = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
        values = np.frombuffer(weights, np.uint8)
        _WEIGHTS.append((weights, values))
        tensor = Tensor(values, shared_memory=True)
        model = core().read_model(graph.read_bytes(), tensor)
    except (OSError, ValueError, RuntimeError) as error:
        if _wants_memory(error):
            raise
        raise CheckpointError(
            f"{graph} cannot be read as a graph ({brief(str(error).strip())}); remove its "
            "folder, and it is made again"
        ) from None
    with memory_released():
        yield model


def _wants_memory(error: Exception) -> bool:
    return any(words in str(error) for words in ("bad_alloc", "llocate memory", "out of memory"))


@lru_cache(maxsize=len(_TYPES))
def _kernel(precision: Precision) -> str:
    """Name the kernel that multiplies matrices here; empty where there is none."""
    import openvino
    from openvino import opset13 as operations

    rows = operations.parameter([_PROBED, _PROBED], np.float32)
    weights = operations.constant(np.eye(_PROBED, dtype=np.float32))
    product = openvino.Model([operations.matmul(rows, weights, False, True)], [rows])
    try:
        compiled = core().compile_model(
            product, "CPU", {"INFERENCE_PRECISION_HINT": _TYPES[precision]}
        )
    except RuntimeError:
        return ""
    facts = [node.get_rt_info() for node in compiled.get_runtime_model().get_ops()]
    kernels = {_text(fact["layerType"]): _text(fact["primitiveType"]) for fact in facts}
    return kernels.get("FullyConnected", kernels.get("MatMul", ""))


def _text(value: Any) -> str:
    return str(value.astype(str) if hasattr(value, "astype") else value)
