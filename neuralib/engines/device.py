"""Which device and which arithmetic `auto` means here."""

from __future__ import annotations

import ctypes
import math
import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from runpy import run_path

from neuralib.engines.quota import quota
from neuralib.errors import DeviceMissing, UsageError
from neuralib.tasks import Precision


@dataclass(frozen=True)
class Placement:
    """Where a model runs, and in which arithmetic; nothing is `auto` any more."""

    device: str
    """`cpu`, `cuda:N` or `mps`."""
    precision: Precision
    """`fp32`, `bf16` or `fp16`."""
    is_free: bool = field(default=False, compare=False)
    """Whether `auto` chose the precision, so that a model which it does not suit takes another."""


@dataclass(frozen=True)
class Devices:
    """What a library can compute on here, beside the processor."""

    nvidia: int
    """Number of NVIDIA GPUs."""
    apple: bool
    """Whether there is Apple's GPU."""


def torch_devices() -> Devices:
    """Ask torch, where it may know of a GPU; to import it takes a second and 200 MB."""
    if not _torch_may_have_gpu():
        return Devices(nvidia=0, apple=False)
    import torch

    return Devices(
        nvidia=torch.cuda.device_count() if torch.cuda.is_available() else 0,
        apple=torch.backends.mps.is_available(),
    )


def onnx_devices() -> Devices:
    """Ask onnxruntime and NVIDIA's driver, for engines that do without torch."""
    try:
        import onnxruntime
    except ImportError:  # the engine says what to install
        return Devices(nvidia=0, apple=False)
    has_cuda = "CUDAExecutionProvider" in onnxruntime.get_available_providers()
    return Devices(nvidia=_nvidia_gpus() if has_cuda else 0, apple=False)


def exact(device: str) -> Precision:
    """Take float32 on every device, which gives the reference result."""
    return "fp32"


def place(
    device: str,
    precision: Precision,
    find: Callable[[], Devices] = torch_devices,
    best: Callable[[str], Precision] = exact,
) -> Placement:
    """Turn the user's wishes into a device and an arithmetic that are there.

    `auto` takes the first NVIDIA GPU, then Apple's, then the processor; and the arithmetic
    that the engine thinks best there.

    Args:
        device: auto, cpu, cuda, cuda:N or mps.
        precision: auto, fp32, bf16 or fp16.
        find: asks the library that is to compute; not called for `cpu`.
        best: says what `auto` means on the device; only called for it.

    Raises:
        UsageError: where `device` is not a device's name.
        DeviceMissing: where the named device is not present, or not for this library.
    """
    found = _device(device, find)
    is_free = precision == "auto"
    return Placement(found, best(found) if is_free else precision, is_free)


def check_name(device: str) -> None:
    """Make sure that `device` is a device's name, before anything is loaded.

    Raises:
        UsageError: where it is none.
    """
    if not re.fullmatch(r"auto|cpu|mps|cuda(:\d+)?", device):
        raise UsageError(f"device {device!r} is not one of auto, cpu, cuda, cuda:N, mps")


def cores() -> int:
    """Count the cores: those it may run on, or fewer where its container has less time."""
    own = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    allowed = quota()
    return own if allowed is None else max(1, min(own, math.ceil(allowed)))


@contextmanager
def memory_told() -> Iterator[None]:
    """Say what to do where Python itself finds no memory; the libraries' own errors pass.

    Raises:
        DeviceMissing: in place of MemoryError.
    """
    try:
        yield
    except MemoryError:
        raise DeviceMissing(
            "this machine has too little free memory; close what else uses it, or take a smaller "
            "model or a shorter input"
        ) from None


def _device(wish: str, find: Callable[[], Devices]) -> str:
    check_name(wish)
    kind, _, index = wish.partition(":")
    if kind == "cpu":
        return "cpu"
    here = find()
    if kind == "auto":
        return "cuda:0" if here.nvidia else "mps" if here.apple else "cpu"
    if kind == "mps":
        if not here.apple:
            raise DeviceMissing("device mps is not here for this task; take --device auto")
        return "mps"
    number = int(index or 0)
    if number >= here.nvidia:
        raise DeviceMissing(
            f"device {wish} is not here ({here.nvidia} NVIDIA GPUs found); take --device cpu or "
            "auto, or see `neuralib doctor`"
        )
    return f"cuda:{number}"


def _torch_may_have_gpu() -> bool:
    """Tell from what torch was built for, and from the drivers that are here."""
    if sys.platform == "darwin" or "torch" in sys.modules:
        return True
    found = find_spec("torch")
    if found is None or not found.origin:  # the engine says what to install
        return False
    try:
        built = run_path(str(Path(found.origin).with_name("version.py")))
    except OSError:
        return True
    if built.get("hip"):  # AMD's GPUs have another driver
        return True
    return bool(built.get("cuda")) and _nvidia_driver() is not None


def _nvidia_driver() -> ctypes.CDLL | None:
    try:
        return ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    except OSError:
        return None


def _nvidia_gpus() -> int:
    """Count GPUs through CUDA's driver interface (cuInit, cuDeviceGetCount)."""
    driver = _nvidia_driver()
    if driver is None:
        return 0
    count = ctypes.c_int()
    failed = driver.cuInit(0) or driver.cuDeviceGetCount(ctypes.byref(count))
    return 0 if failed else count.value
