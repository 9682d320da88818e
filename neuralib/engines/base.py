"""What the three kinds of engine promise to whoever runs a task."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from neuralib.audio.block import Block
from neuralib.engines.device import Devices, Placement, exact, place, torch_devices
from neuralib.midi.activations import Activations
from neuralib.progress import Report
from neuralib.tasks import Precision, TranscribeTask
from neuralib.transcript.transcript import Transcript

if TYPE_CHECKING:
    from neuralib.models.store import ModelFiles


Prepare = Callable[["ModelFiles", str, Callable[[Path], None]], Path]
"""`models.store.Store.prepared`: gives the folder of a model in another form."""


class Engine(ABC):
    """A model of one architecture, loaded once and used for many tasks.

    An engine is made cheaply and loads its libraries and weights in `load`, so that a wrong
    name or a missing file is told before anything heavy is imported.
    """

    find_devices: ClassVar[Callable[[], Devices]] = staticmethod(torch_devices)
    """Asks the library that computes which devices it knows."""
    runtime: str = "torch"
    """The library that computes, as records name it: `torch`, `openvino`, `onnxruntime` or
    `ctranslate2`; known after `load`."""

    def __init__(
        self, model: ModelFiles, placement: Placement, prepared: Prepare | None = None
    ) -> None:
        """Take note of what to run, and where.

        Args:
            model: the checkpoint.
            placement: device and arithmetic.
            prepared: makes other forms of the checkpoint once and keeps them; engines that read
                the checkpoint as it is do without.
        """
        self.model = model
        self.placement = placement
        self.turn = threading.Lock()
        """Held while a run computes: it takes all the cores, or the GPU's memory, and engines
        keep what belongs to one run. A `PitchTracker` needs no turns."""

    @staticmethod
    def best_precision(device: str) -> Precision:
        """Say what precision `auto` means on a device: float32, unless an engine knows better."""
        return exact(device)

    @classmethod
    def place(cls, device: str, precision: Precision) -> Placement:
        """Say where and in which arithmetic this engine runs here; see `device.place`."""
        return place(device, precision, cls.find_devices, cls.best_precision)

    @abstractmethod
    def load(self) -> None:
        """Import the libraries and read the weights; a second call does nothing.

        Raises:
            EngineMissing: where a library is not installed.
            CheckpointError: where the file is not what the engine reads.
            DeviceMissing: where the device has too little memory.
        """


@dataclass(frozen=True)
class Normalisation:
    """The whole track's mean and standard deviation, by which Demucs wants it normalised.

    Both are of the mono mix (mean over channels) at the model's sample rate.
    """

    mean: float
    std: float


class Separator(Engine):
    """Splits audio into stems; its attributes are known after `load`."""

    sources: tuple[str, ...]
    """Names of the stems, in the model's order."""
    sample_rate: int
    channels: int

    @abstractmethod
    def separate(
        self,
        blocks: Iterable[Block],
        normalisation: Normalisation,
        stems: Sequence[str],
        *,
        overlap: float,
        shifts: int,
        seed: int,
    ) -> Generator[NDArray[np.float32], None, None]:
        """Yield the stems as the mix arrives, in blocks of any length.

        What is under way ends when the generator is closed.

        Args:
            blocks: the mix at `sample_rate` with `channels` channels, not normalised.
            normalisation: of the same mix.
            stems: names out of `sources`; sub-models that add nothing to them do not run.
            overlap: of neighbouring segments, 0 to below 1.
            shifts: number of randomly shifted runs to average; 0: one run, not shifted.
            seed: of the shifts.

        Yields:
            float32 (stems, channels, frames), in the mix's own level; all the blocks together
            have exactly as many frames as the mix, and start where it starts.
        """


class PitchTracker(Engine):
    """Finds which pitches sound when."""

    sample_rate: ClassVar[int]

    @abstractmethod
    def track(self, blocks: Iterable[Block]) -> Activations:
        """Compute the activations of mono audio at `sample_rate`.

        Args:
            blocks: (1, frames) each, taken as the model gets to them.
        """


class Recogniser(Engine):
    """Writes down speech."""

    sample_rate: ClassVar[int] = 16_000

    @abstractmethod
    def check(self, task: TranscribeTask) -> str | None:
        """Check the options that only a loaded model can judge: language and prompt.

        Returns:
            Code of the language; None where it will be detected.

        Raises:
            UsageError: where the model does not know the language, or the prompt is not words.
        """

    @abstractmethod
    def transcribe(
        self, samples: NDArray[np.float32], task: TranscribeTask, report: Report
    ) -> Transcript:
        """Transcribe mono audio.

        Args:
            samples: shape (frames,), at `sample_rate`, full scale ±1; may be empty.
            task: its options (model and engine are not looked at, formats for word times only).
            report: told how many of the seconds are done.
        """
