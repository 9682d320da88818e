"""One Demucs model in PyTorch on its device."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from neuralib.audio.block import Block
from neuralib.engines.demucs_checkpoint import Checkpoint
from neuralib.engines.device import Placement, cores
from neuralib.errors import DeviceMissing, UsageError

_FEW, _MANY = 4, 32


class Network(Protocol):
    """A model that is called with one segment at a time."""

    segment_frames: int
    ahead: int
    """How many segments should be under way while the result of another is looked at."""

    def padded_length(self, frames: int) -> int:
        """Tell how many frames the model wants to see around a segment of `frames` frames."""

    def start(self, samples: Block, stems: Sequence[int]) -> Future[NDArray[np.float32]]:
        """Begin to separate one padded segment.

        Args:
            samples: (channels, frames), float32.
            stems: which of the model's stems to hand out.

        Returns:
            float32 (len(stems), channels, frames).
        """

    def stop(self) -> None:
        """End what is under way; nobody waits for it any more."""


class DemucsNetwork:
    """A model in memory: (channels, frames) in, (stems, channels, frames) out."""

    ahead = 0

    def __init__(
        self, checkpoint: Checkpoint, segment_seconds: float | None, placement: Placement
    ) -> None:
        """Read the weights.

        Args:
            checkpoint: the model.
            segment_seconds: the bag's wish for the length of a segment, or None.
            placement: where and in which arithmetic to run.

        Raises:
            CheckpointError: where the weights do not fit the model.
            DeviceMissing: where they do not fit into the device's memory.
        """
        import torch

        self._placement = placement
        model = checkpoint.build(segment_seconds)
        if placement.device == "cpu":
            torch.set_num_threads(min(torch.get_num_threads(), cores()))
        if placement == Placement("cpu", "bf16"):
            _mend_few_channels(model)
        with _told_errors(placement):
            self._model = model.to(placement.device)
        self.segment_frames = checkpoint.segment_frames(segment_seconds)

    def padded_length(self, frames: int) -> int:
        """Tell how many frames the model wants to see around a segment of `frames` frames."""
        valid_length = getattr(self._model, "valid_length", None)
        return frames if valid_length is None else int(valid_length(frames))

    def start(self, samples: Block, stems: Sequence[int]) -> Future[NDArray[np.float32]]:
        """Separate one padded segment, before it returns; see `Network`.

        Raises:
            DeviceMissing: where the device's memory does not suffice.
            UsageError: where the device has not the arithmetic.
        """
        import torch

        with torch.inference_mode(), _told_errors(self._placement), self._arithmetic():
            mix = torch.from_numpy(samples)[None].to(self._placement.device)
            output = self._model(mix)[0, list(stems)]
            separated: Future[NDArray[np.float32]] = Future()
            separated.set_result(output.float().cpu().numpy())
        return separated

    def stop(self) -> None:
        """Do nothing: no segment is under way when `start` has returned."""

    def _arithmetic(self) -> AbstractContextManager[Any]:
        import torch

        if self._placement.precision == "fp32":
            return nullcontext()
        dtype = torch.bfloat16 if self._placement.precision == "bf16" else torch.float16
        return torch.autocast(self._placement.device.partition(":")[0], dtype=dtype)


def _mend_few_channels(model: Any) -> None:
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
def _told_errors(placement: Placement) -> Iterator[None]:
    """Map what PyTorch raises for too little memory or missing arithmetic."""
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
