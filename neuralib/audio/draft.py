"""Samples that wait on the disk until it is known how loud they may be written."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import BinaryIO

import numpy as np

from neuralib.audio.block import Block
from neuralib.audio.writer import Writer, check_block
from neuralib.errors import cannot_write

_FORGOTTEN_BYTES = 16 * 2**20
_SHORT_BYTES = 256 * 2**20
"""What is to be forgotten is written to the disk first; a short draft may never have to be."""


class Draft:
    """One stem as raw float32, written and then read.

    Args:
        file: empty, open for writing and reading; whoever opened it closes it.
        channels: of the blocks to come.
        label: what messages call it.
    """

    def __init__(self, file: BinaryIO, channels: int, label: str) -> None:
        self._file = file
        self._channels = channels
        self._label = label
        self.peak = 0.0
        """Greatest absolute sample so far."""

    def write(self, block: Block) -> None:
        """Append samples.

        Args:
            block: float32 (channels, frames), finite.

        Raises:
            OutputError: where the disk is full, or refuses.
            InternalError: for another number of channels, or samples that are not finite.
        """
        check_block(block, self._channels, self._label)
        self.peak = max(self.peak, float(np.abs(block).max(initial=0.0)))
        try:
            self._file.write(np.ascontiguousarray(block.T, dtype="<f4").data)
        except OSError as error:
            raise cannot_write(self._label, error) from None

    def read(self, block_frames: int = 65536) -> Iterator[Block]:
        """Yield all samples in blocks of shape (channels, frames), exactly as they were written.

        Raises:
            OutputError: where the disk refuses.
        """
        try:
            is_short = self._file.seek(0, os.SEEK_END) <= _SHORT_BYTES
            known = self._file.seek(0)
            while data := self._file.read(block_frames * self._channels * 4):
                samples = np.frombuffer(data, "<f4").astype(np.float32, copy=False)
                yield np.ascontiguousarray(samples.reshape(-1, self._channels).T)
                here = self._file.tell()
                if here - known >= _FORGOTTEN_BYTES and not is_short:
                    self._forget(here)
                    known = here
        except OSError as error:
            raise cannot_write(self._label, error) from None

    def encode(self, writer: Writer, gain: float) -> Iterator[Block]:
        """Write all samples times `gain`, and yield each block when it is written.

        Raises:
            OutputError: where the disk is full, or refuses.
        """
        for block in self.read():
            writer.write(block * np.float32(gain))
            yield block

    def _forget(self, end: int) -> None:
        """Give back the memory in which the system keeps what nobody reads again.

        It would push out the files that are being written, which are read once more, and memory
        that is used again costs less than new.
        """
        if hasattr(os, "posix_fadvise"):
            with contextlib.suppress(OSError):
                # From the start, since pages across the last end were kept then.
                os.posix_fadvise(self._file.fileno(), 0, end, os.POSIX_FADV_DONTNEED)
