"""How many samples a file says that it has, apart from WAV, whose header `riff` reads."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from av.audio.stream import AudioStream
from av.packet import Packet

from neuralib.audio.block import Block
from neuralib.audio.container import Source

_LONGEST_CODEC_FRAME = 8192
"""Samples of the longest block of Vorbis; those of the other codecs are shorter."""

_COUNTED_BY_OGG = ("vorbis", "flac")
"""Codecs whose pages count samples. Those of Opus count the delay too, which FFmpeg handles."""


def promised_frames(source: Source) -> int | None:
    """Give the length by the header, or None.

    A duration that is no whole number of samples is an estimate out of the bit rate.
    """
    stream = source.stream
    if source.is_wave or stream.duration is None or stream.time_base is None:
        return None
    frames = Fraction(stream.duration) * stream.time_base * stream.sample_rate
    return int(frames) if frames.denominator == 1 else None


def exact_frames(source: Source, last: Packet[AudioStream] | None, rate: int) -> int | None:
    """Give the length that the container declares to the sample, or None where it does not.

    The last frame of a lossy codec is as long as any, so what the encoder filled it up with
    follows the last sample. FFmpeg leaves it there in MP4 and its relatives, and in Ogg where
    all is on one page.

    Args:
        source: the open file.
        last: the last packet of its stream.
        rate: of the samples, hertz.
    """
    container = source.container.format.name
    if container == "ogg" and source.stream.codec_context.name in _COUNTED_BY_OGG:
        return promised_frames(source)
    if "mp4" in container.split(",") and last is not None:
        return _mp4_frames(source.stream, last, rate)
    return None


def _mp4_frames(stream: AudioStream, last: Packet[AudioStream], rate: int) -> int | None:
    """Choose between the two lengths of an MP4 track: of its samples, and of its edit list.

    Some encoders shorten the last packet of the first, others write only the second, which
    often counts in milliseconds (ISO/IEC 14496-12, 8.6.1.2 and 8.6.6).
    """
    if last.pts is None or last.duration is None or stream.time_base is None:
        return None
    unit = stream.time_base * rate
    if unit > 2 or stream.duration is None:  # too coarse to tell samples apart
        return None
    by_packets = int((last.pts + last.duration - (stream.start_time or 0)) * unit)
    by_edits = int(stream.duration * unit)
    in_milliseconds = round(Fraction(round(by_edits * 1000 / rate) * rate, 1000)) == by_edits
    slack = rate // 1000 + 1 if in_milliseconds else 0
    return min(by_packets, by_edits + slack)


class Trimmer:
    """Passes blocks on, and lets go of the last ones when it is known where the audio ends."""

    def __init__(self) -> None:
        self._held: list[Block] = []
        self._held_frames = 0
        self._passed_frames = 0

    def push(self, block: Block) -> Iterator[Block]:
        """Take (channels, frames) in; yield what cannot be behind the end."""
        self._held.append(block)
        self._held_frames += block.shape[1]
        while self._held_frames - self._held[0].shape[1] >= _LONGEST_CODEC_FRAME:
            yield self._pass(self._held.pop(0))

    def finish(self, frames: int | None) -> Iterator[Block]:
        """Yield the rest, so that `frames` came in all.

        None, or a length that more than one codec frame would be lost by, cuts nothing off:
        there is no such padding, so that the length is wrong (of one song of several, perhaps).
        """
        excess = self._passed_frames + self._held_frames - (frames or 0)
        if not frames or not 0 < excess <= _LONGEST_CODEC_FRAME:
            excess = 0
        left = self._held_frames - excess
        for block in self._held:
            part = block[:, :left]
            left -= part.shape[1]
            if part.shape[1]:
                yield self._pass(part)

    def _pass(self, block: Block) -> Block:
        self._held_frames -= block.shape[1]
        self._passed_frames += block.shape[1]
        return block
