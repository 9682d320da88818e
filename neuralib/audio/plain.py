"""The samples of a plain WAV clip, read without FFmpeg, which takes longer for its packets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

import numpy as np

from neuralib.audio.block import Block
from neuralib.audio.container import Source
from neuralib.audio.frame import packed_block
from neuralib.audio.riff import WaveData
from neuralib.errors import NoAudio


def is_plain(source: Source) -> bool:
    """Whether a file is a WAV clip of 16 bits with nothing odd about it.

    FFmpeg has opened it and found samples in it. Where the header is right about their length there
    is no more to know.
    """
    wave = source.wave
    return (
        wave is not None
        and wave.is_pcm_16
        and wave.is_clip
        and wave.frame_bytes == 2 * source.stream.channels
        and source.is_wave
        and source.stream.codec_context.codec.name == "pcm_s16le"
        and len(source.container.streams) == 1
        and _is_right(source.file, wave)
    )


def plain_blocks(source: Source, block_frames: int) -> Iterator[Block]:
    """Read the samples of such a file.

    Yields:
        As `audio.decode.decode` does.

    Raises:
        NoAudio: where it was emptied meanwhile.
    """
    wave = source.wave
    assert wave is not None
    assert wave.declared is not None
    source.file.seek(wave.start)
    size = block_frames * wave.frame_bytes
    is_empty = True
    for done in range(0, wave.declared, size):
        data = source.file.read(min(size, wave.declared - done))
        # It may be cut off while it is read.
        if whole := len(data) // wave.frame_bytes * wave.frame_bytes:
            samples = np.frombuffer(data[:whole], "<i2")
            is_empty = False
            yield packed_block(samples, source.stream.channels, np.float32(2**-15))
    if is_empty:
        raise NoAudio(f"{str(source.path)!r} holds not one sample; get a whole copy")


def _is_right(file: BinaryIO, wave: WaveData) -> bool:
    declared = wave.declared
    if not declared or declared % wave.frame_bytes or declared > wave.present:
        return False
    file.seek(0)
    if file.read(4) != b"RIFF":  # the size that counts may be another
        return False
    file.seek(wave.start + declared)
    # FFmpeg plays the last of several `data` chunks.
    return wave.followed_by_chunks and b"data" not in file.read()
