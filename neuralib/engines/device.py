"""Which device and which arithmetic `auto` means here."""

from __future__ import annotations

from dataclasses import dataclass

from neuralib.errors import DeviceMissing, UsageError
from neuralib.tasks import Precision


@dataclass(frozen=True)
class Placement:
    """Where a model runs, and in which arithmetic; nothing is `auto` any more."""

    device: str
    """`cpu`, `cuda:N` or `mps`."""
    precision: Precision
    """`fp32`, `bf16` or `fp16`."""


def place(device: str, precision: Precision) -> Placement:
    """Turn the user's wishes into a device and an arithmetic that are there.

    `auto` takes the first NVIDIA GPU, then Apple's, then the processor; and float32
    everywhere, which gives the reference result.

    Raises:
        UsageError: where `device` is not a device's name.
        DeviceMissing: where the named device is not present.
    """
    return Placement(_device(device), "fp32" if precision == "auto" else precision)


def _device(wish: str) -> str:
    kind, _, index = wish.partition(":")
    if kind not in ("auto", "cpu", "cuda", "mps") or (
        index and not (kind, index.isdigit()) == ("cuda", True)
    ):
        raise UsageError(f"device {wish!r} is not one of auto, cpu, cuda, cuda:N, mps")
    if kind == "cpu":
        return "cpu"
    import torch

    gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    apple = torch.backends.mps.is_available()
    if kind == "auto":
        return "cuda:0" if gpus else "mps" if apple else "cpu"
    if kind == "mps":
        if not apple:
            raise DeviceMissing("device mps is not here; take --device cpu, or auto")
        return "mps"
    number = int(index or 0)
    if number >= gpus:
        raise DeviceMissing(
            f"device {wish} is not here ({gpus} NVIDIA GPUs found); take --device cpu or auto, "
            "or see `neuralib doctor`"
        )
    return f"cuda:{number}"
