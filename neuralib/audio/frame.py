"""Decoded frames as blocks, without FFmpeg where they only have to be copied."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
from av.audio.frame import AudioFrame
from numpy.typing import NDArray

from neuralib.audio.block import Block

_SCALES = {
    "s16": (np.int16, np.float32(2**-15)),
    "s32": (np.int32, np.float32(2**-31)),
    "flt": (np.float32, None),
}
"""By FFmpeg's name of a packed sample format: the type of its samples, and what they are
multiplied by, a power of two, so that nothing but the conversion to float32 rounds."""

_MOST_PLANES = 7
"""`AudioFrame.planes` of PyAV reads past its table for 8 planar channels and more."""


def block_of(frame: AudioFrame) -> Block | None:
    """Copy the samples of a frame.

    FFmpeg's filters do the same, and take twice as long over it: for WAV longer than to decode.

    Returns:
        float32 (channels, frames), C-contiguous; None for a format that FFmpeg has to convert.
    """
    name = frame.format.name
    planar = name.endswith("p")
    channels = frame.layout.nb_channels
    if (planar and channels > _MOST_PLANES) or name.removesuffix("p") not in _SCALES:
        return None
    kind, scale = _SCALES[name.removesuffix("p")]
    # Planes are buffers, though their type does not say so.
    planes = [cast(Any, plane) for plane in frame.planes]
    if planar:
        block = np.array(
            [np.frombuffer(plane, kind, count=frame.samples) for plane in planes], np.float32
        )
    else:
        packed = np.frombuffer(planes[0], kind, count=frame.samples * channels)
        return packed_block(packed, channels, scale)
    if scale is not None:
        block *= scale
    return block


def packed_block(samples: NDArray[Any], channels: int, scale: np.float32 | None) -> Block:
    """Copy the samples of all channels, one frame after the other, as a block.

    Args:
        samples: (frames · channels,), of any type.
        channels: how many.
        scale: what they are multiplied by; None: nothing.
    """
    block = samples.reshape(-1, channels).T.astype(np.float32, order="C")
    if scale is not None:
        block *= scale
    return block
