"""Writing one audio file as its blocks arrive."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType

import av
import numpy as np

from neuralib.audio.block import Block
from neuralib.audio.encoder import Encoder
from neuralib.audio.resample import Resampler
from neuralib.errors import InternalError, cannot_write

_LOG = logging.getLogger(__name__)


def check_block(block: Block, channels: int, label: str) -> None:
    """Make sure that a block is what a file called `label` takes.

    Raises:
        InternalError: for another number of channels, or samples that are not finite.
    """
    if block.ndim != 2 or block.shape[0] != channels:
        raise InternalError(
            f"{label!r}: got a block of shape {block.shape} for {channels} channels; report this"
        )
    if not np.isfinite(block).all():
        raise InternalError(
            f"{label!r}: got samples that are infinite or not numbers; "
            "try --precision fp32, and report this"
        )


class Writer:
    """Writes one file; leaving its `with` block completes the file.

    When an exception leaves the `with` block, the file is closed as it is, and worthless;
    removing it is up to whoever chose its path.
    """

    def __init__(
        self,
        start: Callable[[], Encoder],
        *,
        channels: int,
        resampler: Resampler | None,
        label: str,
    ) -> None:
        self._label = label
        self._channels = channels
        self._resampler = resampler
        self._samples = 0
        self._open = True
        with self._told():
            self._encoder = start()

    def write(self, block: Block) -> None:
        """Append samples.

        Args:
            block: float32 (channels, frames), finite; full scale is ±1.

        Raises:
            OutputError: where the disk is full, or refuses.
            InternalError: for another number of channels, or samples that are not finite.
        """
        check_block(block, self._channels, self._label)
        self._samples += block.size
        with self._told():
            self._encoder.encode(self._resampler.push(block) if self._resampler else block)

    def close(self) -> None:
        """Complete the file; a second call does nothing.

        Raises:
            OutputError: where the disk is full, or refuses.
        """
        if not self._open:
            return
        try:
            with self._told():
                if self._resampler is not None:
                    self._encoder.encode(self._resampler.finish())
                self._encoder.finish()
        finally:
            self.abandon()
        self._warn_of_clipping()

    def abandon(self) -> None:
        """Close the file as it is; a second call does nothing."""
        self._open = False
        self._encoder.release()

    def __enter__(self) -> Writer:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None:
            self.close()
        else:
            self.abandon()

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise cannot_write(self._label, error) from None
        except av.FFmpegError as error:
            told = OSError(error.errno, error.strerror or str(error))
            raise cannot_write(self._label, told) from None

    def _warn_of_clipping(self) -> None:
        if self._encoder.clipped:
            _LOG.warning(
                "%r: %d of %d samples are louder than full scale and were clipped; "
                "take --format wav --bit-depth 32 to keep them",
                *(self._label, self._encoder.clipped, self._samples),
                extra={"action": "output.clipped"},
            )
