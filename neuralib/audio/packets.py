"""The packets of an audio stream as samples, tolerant of damage."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Iterator
from typing import Any, cast

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.codec.context import Flags2
from av.packet import Packet

from neuralib.audio.block import Block
from neuralib.audio.clock import Clock
from neuralib.audio.container import Source
from neuralib.audio.frame import block_of
from neuralib.audio.length import Trimmer, exact_frames, promised_frames
from neuralib.errors import DecodeError, NoAudio

_LOG = logging.getLogger(__name__)

_PCM_BITS = re.compile(r"pcm_[a-z]+(8|16|24|32|64)")

_EXACT_CODECS = ("alac", "ape", "flac", "tak", "tta", "wavpack")
"""Compressed and lossless: their headers count samples, so that one that lacks is lost. PCM is
not among them: recorders that crash leave headers that promise too much."""


class PacketReader:
    """Reads the samples of a source once, and then says what was wrong with it."""

    def __init__(self, source: Source, *, block_frames: int, warn: bool) -> None:
        self._source = source
        self._block_frames = block_frames
        self._warn = warn
        self._name = repr(str(source.path))
        # The decoder changes its stream's description as it goes, so it is read beforehand.
        self._rate = source.stream.sample_rate
        self._layout = source.stream.layout
        self._promised = promised_frames(source)
        self._clock = Clock(source)
        context = source.stream.codec_context
        self._is_exact = context.codec.canonical_name in _EXACT_CODECS
        if self._is_exact and source.container.format.name == "caf":
            # The last packet is as short as it has to be; FFmpeg would cut it off once more.
            context.flags2 |= Flags2.skip_manual
        self._last_packet: Packet[AudioStream] | None = None
        self._decoded_seconds = 0.0
        self._damaged_packets = 0
        self._first_damage_seconds = 0.0
        self._stopped_by: str | None = None

    def samples(self) -> Iterator[Block]:
        """Yield float32 (channels, frames), mostly of `block_frames` frames.

        Raises:
            NoAudio: at the end, where there was not one sample.
            DecodeError: at the end, where nothing could be decoded, or where a file that is
                compressed without loss gave less than its header promises.
        """
        frames = 0
        for block in self._trimmed(self._converted(self._decoded(self._packets()))):
            if not frames:
                yield from self._silence(self._clock.delay_frames)
            frames += block.shape[1]
            yield block
        self._judge(frames)

    def _trimmed(self, blocks: Iterable[Block]) -> Iterator[Block]:
        trimmer = Trimmer()
        for block in blocks:
            yield from trimmer.push(block)
        yield from trimmer.finish(exact_frames(self._source, self._last_packet, self._rate))

    def _packets(self) -> Iterator[Packet[AudioStream]]:
        try:
            for packet in self._source.container.demux(self._source.stream):
                if packet.size:
                    self._last_packet = packet
                yield packet
        except av.FFmpegError as error:
            self._stopped_by = error.strerror or str(error)

    def _decoded(self, packets: Iterable[Packet[AudioStream]]) -> Iterator[AudioFrame]:
        for packet in packets:
            try:
                frames = self._source.stream.decode(packet)
            except av.FFmpegError:
                frames = self._whole_samples(packet)
                if not frames:
                    self._note_damage()
            for frame in frames:
                yield frame
                self._decoded_seconds += frame.samples / frame.sample_rate

    def _whole_samples(self, packet: Packet[AudioStream]) -> list[AudioFrame]:
        """Decode a packet of PCM that ends within a sample: FFmpeg 7 gives nothing of all of it."""
        context = self._source.stream.codec_context
        bits = _PCM_BITS.match(context.codec.canonical_name)
        if bits is None:
            return []
        excess = packet.size % (self._layout.nb_channels * int(bits[1]) // 8)
        whole: Packet[Any] = Packet(bytes(packet)[: packet.size - excess])
        whole.pts, whole.time_base = packet.pts, packet.time_base
        try:
            return context.decode(whole) if excess and whole.size else []
        except av.FFmpegError:
            return []

    def _converted(self, frames: Iterable[AudioFrame]) -> Iterator[Block]:
        """Bring frames to one rate and layout, and to float32.

        FFmpeg does it where that is more than copying.
        """
        plain = (self._layout.name, self._rate)
        kind: tuple[str, str, int] | None = None
        resampler: AudioResampler | None = None
        for frame in frames:
            missing = self._clock.missing_frames(frame)
            block = block_of(frame) if _kind(frame)[1:] == plain else None
            if kind is not None and (missing or block is not None or kind != _kind(frame)):
                yield from self._resampled(resampler, None)
                kind, resampler = None, None
            yield from self._silence(missing)
            if block is not None:
                yield block
                continue
            if resampler is None:
                kind = _kind(frame)
                resampler = AudioResampler("flt", self._layout, self._rate, self._block_frames)
            yield from self._resampled(resampler, frame)
        yield from self._resampled(resampler, None)

    def _resampled(
        self, resampler: AudioResampler | None, frame: AudioFrame | None
    ) -> Iterator[Block]:
        """Convert a frame, or get the rest out of a resampler that is not needed any more."""
        if resampler is None:
            return iter(())
        try:
            return map(_block, resampler.resample(frame))
        except (av.FFmpegError, ValueError):
            self._note_damage()
            return iter(())

    def _silence(self, frames: int) -> Iterator[Block]:
        for start in range(0, frames, self._block_frames):
            length = min(self._block_frames, frames - start)
            yield np.zeros((self._layout.nb_channels, length), np.float32)

    def _note_damage(self) -> None:
        if not self._damaged_packets:
            self._first_damage_seconds = self._decoded_seconds
        self._damaged_packets += 1

    def _judge(self, frames: int) -> None:
        if frames == 0:
            if self._damaged_packets or self._stopped_by:
                raise DecodeError(
                    f"{self._name} is damaged, nothing in it can be decoded; get a whole copy"
                )
            raise NoAudio(f"{self._name} holds not one sample; get a whole copy")
        short = self._promised is not None and frames + self._slack() < self._promised
        if short and self._is_exact:
            raise DecodeError(
                f"{self._name} breaks off or is damaged: {self._of_promise(frames)}; "
                "get a whole copy"
            )
        if self._warn:
            self._warn_of_damage(frames, short)

    def _slack(self) -> int:
        """Give by how many samples a whole file may be shorter than it says."""
        if self._source.container.format.name == "caf":
            return 4096  # written by packets, whatever the last one holds
        # Edit lists of mp4 count milliseconds; other codecs lose some packets at either end.
        return self._rate // 1000 if self._is_exact else self._rate // 10 + 4096

    def _warn_of_damage(self, frames: int, short: bool) -> None:
        if short:
            _LOG.warning(
                "%s is shorter than it says: %s; taking what is there",
                *(self._name, self._of_promise(frames)),
                extra={"action": "input.short"},
            )
        elif self._stopped_by:
            _LOG.warning(
                "%s cannot be read beyond %.2f s (%s); taking what is there",
                *(self._name, self._decoded_seconds, self._stopped_by),
                extra={"action": "input.short"},
            )
        elif self._damaged_packets:
            _LOG.warning(
                "%s is damaged; packets skipped: %d, the first at %.2f s; get a whole copy",
                *(self._name, self._damaged_packets, self._first_damage_seconds),
                extra={"action": "input.damaged"},
            )
        elif self._clock.gaps:
            _LOG.warning(
                "%s leaves out sound; gaps filled with silence: %d, the first at %.2f s",
                *(self._name, self._clock.gaps, self._clock.first_gap_seconds),
                extra={"action": "input.gaps"},
            )

    def _of_promise(self, frames: int) -> str:
        present, promised = frames / self._rate, (self._promised or 0) / self._rate
        return f"it gives {present:.2f} s of the {promised:.2f} s that its header promises"


def _kind(frame: AudioFrame) -> tuple[str, str, int]:
    return frame.format.name, frame.layout.name, frame.sample_rate


def _block(frame: AudioFrame) -> Block:
    channels = frame.layout.nb_channels
    plane = cast(Any, frame.planes[0])  # a buffer, though its type does not say so
    packed: Block = np.frombuffer(plane, np.float32, count=frame.samples * channels)
    return packed.reshape(frame.samples, channels).T
