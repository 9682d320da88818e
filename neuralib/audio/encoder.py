"""What an encoder promises to the writer that feeds it."""

from __future__ import annotations

from abc import ABC, abstractmethod

from neuralib.audio.block import Block


class Encoder(ABC):
    """Turns blocks into one file, which is open from the start."""

    clipped: int = 0
    """Samples that were louder than full scale, and are not any more."""

    @abstractmethod
    def encode(self, block: Block) -> None:
        """Take (channels, frames) samples, finite, any number of frames."""

    @abstractmethod
    def finish(self) -> None:
        """Write all that is still held back, complete the header, and close the file."""

    @abstractmethod
    def release(self) -> None:
        """Close a file that is thrown away; never raises, and does nothing a second time."""
