"""Float samples as the integers of wav and flac."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from neuralib.audio.block import Block

Integers = NDArray[np.int16] | NDArray[np.int32]


def to_integers(block: Block, bits: int) -> tuple[Integers, int]:
    """Round samples to integers of 16 or 24 bits.

    A sample times 2^(bits - 1) is rounded to the nearest integer, without dither, so that what
    was read as integers is written as the same integers. What exceeds full scale is clipped.

    Args:
        block: float32, any shape, finite.
        bits: 16 or 24.

    Returns:
        int16 or, for 24 bits, int32 in its upper three bytes, as FFmpeg wants it; and how many
        samples were louder than full scale (±1).
    """
    scale = np.float32(2 ** (bits - 1))
    clipped = int(np.count_nonzero(np.abs(block) > 1))
    # Exact in float32: a power of two scales without rounding, and 24 bits fit its mantissa.
    rounded = np.clip(np.rint(block * scale), -scale, scale - 1)
    if bits == 16:
        return rounded.astype(np.int16), clipped
    return rounded.astype(np.int32) << 8, clipped
