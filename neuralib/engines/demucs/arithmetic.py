"""Arithmetic of PyTorch below float32, and what it says of missing memory or kernels."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from typing import Any

from neuralib.engines.device import Placement
from neuralib.errors import DeviceMissing, UsageError

_FEW, _MANY = 4, 32


def arithmetic(placement: Placement) -> AbstractContextManager[Any]:
    """Give the context in which a model computes in the placement's precision."""
    import torch

    if placement.precision == "fp32":
        return nullcontext()
    dtype = torch.bfloat16 if placement.precision == "bf16" else torch.float16
    return torch.autocast(placement.device.partition(":")[0], dtype=dtype)


def mend_few_channels(model: Any) -> None:
    """Keep strided convolutions of few channels in float32: oneDNN's AMX kernels sum them wrongly.

    Wrong are those of 8 and 12 channels, and without zeros around them those of 16 and 24.
    """
    import torch

    kinds = torch.nn.Conv1d | torch.nn.Conv2d
    convolutions: list[Any] = [each for each in model.modules() if isinstance(each, kinds)]
    for layer in convolutions:
        if max(layer.stride) > 1 and _FEW < layer.in_channels < _MANY:
            layer.forward = partial(_in_float32, layer.forward)


def _in_float32(forward: Callable[[Any], Any], x: Any) -> Any:
    import torch

    with torch.autocast("cpu", enabled=False):
        return forward(x.float())


@contextmanager
def told_errors(placement: Placement) -> Iterator[None]:
    """Map what PyTorch raises for too little memory or missing arithmetic.

    Raises:
        DeviceMissing: where the device's memory does not suffice.
        UsageError: where the device has not the arithmetic.
    """
    try:
        yield
    except RuntimeError as error:
        text = str(error)
        if "out of memory" in text or "can't allocate memory" in text:
            raise DeviceMissing(
                f"{placement.device} has too little free memory for the model; close what else "
                "uses it, or take another --device, or a model with shorter segments"
            ) from None
        if "not implemented for" in text and placement.precision != "fp32":
            raise UsageError(
                f"this model on {placement.device} has no {placement.precision}; take --precision "
                "auto"
            ) from None
        raise
