"""Change of sample rate."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import soxr

from neuralib.audio.block import Block

_QUALITY = "HQ"
"""soxr's 20-bit recipe: images and aliases 120 dB down, passband to 0.91 of the lower Nyquist
frequency. It is what librosa does by default, so models trained behind librosa hear the same."""


class Resampler:
    """Resamples one stream as it arrives.

    Linear phase and without delay: an impulse at sample n comes out at n · rate / source_rate.
    The output does not depend on how the input is cut into blocks, and is as long as the input:
    the whole input's frames · rate / source_rate, halves rounded up, but at least one frame.
    """

    def __init__(self, source_rate: int, rate: int, channels: int) -> None:
        self._source_rate = source_rate
        self._rate = rate
        self._channels = channels
        self._received = 0
        self._sent = 0
        self._soxr = soxr.ResampleStream(
            source_rate, rate, channels, dtype="float32", quality=_QUALITY
        )

    def push(self, block: Block) -> Block:
        """Take (channels, frames) in; return what is ready, which may be no frames at all."""
        self._received += block.shape[1]
        ready = self._soxr.resample_chunk(np.ascontiguousarray(block.T))
        return self._count(np.ascontiguousarray(ready.T))

    def finish(self) -> Block:
        """Return the rest; the resampler cannot be used again."""
        nothing = np.empty((0, self._channels), np.float32)
        rest = np.ascontiguousarray(self._soxr.resample_chunk(nothing, last=True).T)
        missing = self.length(self._received, self._source_rate, self._rate) - self._sent
        if rest.shape[1] < missing:
            rest = np.pad(rest, ((0, 0), (0, missing - rest.shape[1])))
        return self._count(rest[:, : max(missing, 0)])

    def _count(self, block: Block) -> Block:
        self._sent += block.shape[1]
        return block

    @staticmethod
    def length(frames: int, source_rate: int, rate: int) -> int:
        """Frames that `frames` at `source_rate` become at `rate`; at least one of any."""
        return max((2 * frames * rate + source_rate) // (2 * source_rate), min(frames, 1))


def resample(blocks: Iterable[Block], source_rate: int, rate: int) -> Iterator[Block]:
    """Resample blocks; equal rates pass them through untouched.

    Args:
        blocks: (channels, frames) each, at `source_rate` hertz.
        source_rate: of the input, hertz.
        rate: of the output, hertz.

    Yields:
        (channels, frames > 0) at `rate`; exact length and alignment as in `Resampler`.
    """
    if source_rate == rate:
        yield from blocks
        return
    resampler: Resampler | None = None
    for block in blocks:
        if resampler is None:
            resampler = Resampler(source_rate, rate, block.shape[0])
        ready = resampler.push(block)
        if ready.shape[1]:
            yield ready
    if resampler is not None:
        rest = resampler.finish()
        if rest.shape[1]:
            yield rest
