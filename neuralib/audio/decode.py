"""Audio files as float32 blocks of their own sample rate and channels."""

from __future__ import annotations

import logging
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from av.audio.format import AudioFormat

from neuralib.audio.block import Block
from neuralib.audio.clock import delay_seconds
from neuralib.audio.container import Source, open_audio
from neuralib.audio.packets import PacketReader
from neuralib.audio.plain import is_plain, plain_blocks
from neuralib.audio.reblock import reblock
from neuralib.audio.riff import WaveData
from neuralib.errors import DecodeError, NoAudio

_LOG = logging.getLogger(__name__)

_SHORT_SECONDS = 6.0

_BLOCK_FRAMES = 65536
_SHORT_BLOCK_FRAMES = 8192
"""Of a clip: larger arrays are given back to the system each time, and the next clip's cost a page
fault for each of their pages, which takes longer than all that is done with them."""

_NO_POSITION = ("NONE", "UNK", "UNSD", "USR", "AMBI")
"""How FFmpeg's names of channels begin that are no place for a loudspeaker."""


@dataclass(frozen=True)
class AudioInfo:
    """What the header of an audio file says."""

    sample_rate: int
    """Hertz."""
    channels: int
    layout: tuple[str, ...]
    """Position of each channel by FFmpeg's names (FL, FR, FC, LFE, BL ...); "" where unknown."""
    seconds: float | None
    """Estimated duration; None where the header does not say."""
    codec: str
    """FFmpeg's name: mp3, aac, flac, pcm_s16le ..."""
    bit_depth: int | None
    """Of lossless audio: 16 (for up to 16 bits), 24 (for 17 to 32), 32 (float); None: lossy."""

    @property
    def is_short(self) -> bool:
        """Whether it is a clip: what makes songs faster to read takes longer than to read it."""
        return self.seconds is not None and self.seconds <= _SHORT_SECONDS


@dataclass(frozen=True)
class Recording:
    """An open audio file: what its header says, and its samples, which can be read once."""

    info: AudioInfo
    blocks: Iterator[Block]


def probe(path: Path, *, stream: int | None = None) -> AudioInfo:
    """Read the header of a file.

    Args:
        path: as for `decode`.
        stream: as for `decode`.

    Raises:
        InputError: as `open_audio` does.
    """
    with open_recording(path, stream=stream) as recording:
        return recording.info


def decode(
    path: Path, *, stream: int | None = None, block_frames: int = _BLOCK_FRAMES, warn: bool = True
) -> Iterator[Block]:
    """Decode a file block by block, in the same memory whatever its length.

    Integers become floats by division by 2^(bits - 1). The delay that lossy encoders add at the
    start is left out where the file says how long it is. Damaged packets are skipped, as players
    do. Where sample rate or channels change on the way, the rest is converted to what `probe`
    says.

    Sample 0 is where a player begins: sound that begins later than the pictures of its film has
    silence before it, and gaps that the time stamps of the container tell of are silent.

    A WAV file may hold less than its header promises, or leave the length open (0 or
    0xFFFFFFFF), as recorders and pipes do that cannot go back to the header: what is there is
    taken. Bytes behind the announced samples are not read. A compressed lossless file that gives
    less than it promises is refused: only a broken copy is like that.

    Args:
        path: a file that stands for itself; playlists are refused.
        stream: which of its audio streams, from 1; None: its default one.
        block_frames: length of every block but the last, which may be shorter.
        warn: log a warning about whatever is odd but bearable; False for a second pass.

    Yields:
        float32 (channels, frames), finite, full scale ±1 (more is possible), with the sample
        rate and the channels of `probe(path, stream=stream)`.

    Raises:
        InputNotFound: no such file, or one that may not be read.
        NoAudio: a folder, no such audio stream, or not one sample.
        DecodeError: not audio, broken off, or samples that are not finite.
    """
    with open_recording(path, stream=stream, block_frames=block_frames, warn=warn) as recording:
        yield from recording.blocks


@contextmanager
def open_recording(
    path: Path, *, stream: int | None = None, block_frames: int | None = None, warn: bool = True
) -> Iterator[Recording]:
    """Open a file once for its header and its samples: to open it takes longer than to read a clip.

    It is closed with the context, read or not. Whatever takes its blocks in another thread has to
    end before that.

    Args:
        path: as for `decode`.
        stream: as for `decode`.
        block_frames: as for `decode`; None: what suits its length.
        warn: as for `decode`.

    Raises:
        InputError: as `open_audio` does; where the samples are read, as `decode` does.
    """
    with open_audio(path, stream) as source:
        info = _info(source)
        frames = block_frames or (_SHORT_BLOCK_FRAMES if info.is_short else _BLOCK_FRAMES)
        with closing(_blocks(source, frames, warn)) as blocks:
            yield Recording(info, blocks)


def _info(source: Source) -> AudioInfo:
    context = source.stream.codec_context
    names = [channel.name for channel in context.layout.channels]
    return AudioInfo(
        sample_rate=source.stream.sample_rate,
        channels=len(names),
        layout=tuple("" if name.startswith(_NO_POSITION) else name for name in names),
        seconds=_seconds(source),
        codec=context.codec.canonical_name,
        bit_depth=_bit_depth(source),
    )


def _blocks(source: Source, block_frames: int, warn: bool) -> Generator[Block, None, None]:
    if source.is_wave:
        _check_wave(source, warn)
    if is_plain(source):
        yield from plain_blocks(source, block_frames)
        return
    rate = source.stream.sample_rate
    packets = PacketReader(source, block_frames=block_frames, warn=warn)
    yield from _finite(reblock(packets.samples(), block_frames), source.path, rate)


def _seconds(source: Source) -> float | None:
    stream = source.stream
    if stream.duration is not None and stream.time_base is not None:
        return float(stream.duration * stream.time_base) + delay_seconds(source)
    if source.container.duration is not None:
        return source.container.duration / av.time_base
    return None


def _bit_depth(source: Source) -> int | None:
    context = source.stream.codec_context
    # A damaged header may leave the format open, whatever its type says.
    sample_format: AudioFormat | None = context.format
    if sample_format is None or not context.codec.lossless:
        return None
    return {"u8": 16, "s16": 16, "s32": 24, "s64": 24}.get(sample_format.packed.name, 32)


def _finite(blocks: Iterator[Block], path: Path, rate: int) -> Iterator[Block]:
    done = 0
    for block in blocks:
        good = np.isfinite(block)
        if not good.all():
            second = (done + int(np.argmin(good.all(axis=0)))) / rate
            raise DecodeError(
                f"{str(path)!r} has a sample that is infinite or not a number at {second:.3f} s; "
                "export it anew, or as 16-bit integers"
            )
        done += block.shape[1]
        yield block


def _check_wave(source: Source, warn: bool) -> None:
    wave = source.wave
    if wave is None or wave.declared is None:
        return
    name = repr(str(source.path))
    if wave.declared == 0:
        raise NoAudio(f"{name} holds not one sample; get a whole copy")
    if warn:
        _warn_of_lie(name, wave, wave.declared)


def _warn_of_lie(name: str, wave: WaveData, declared: int) -> None:
    promised, present = wave.seconds(declared), wave.seconds(wave.present)
    if declared > wave.present:
        _LOG.warning(
            "%s is shorter than it says: it gives %.2f s of the %.2f s that its header promises; "
            "taking what is there",
            *(name, present, promised),
            extra={"action": "input.short"},
        )
    elif not wave.followed_by_chunks:
        _LOG.warning(
            "%s goes on after the %.2f s that its header announces; %d bytes are left out, "
            "export it anew if they are sound",
            *(name, promised, wave.present - declared),
            extra={"action": "input.long"},
        )
