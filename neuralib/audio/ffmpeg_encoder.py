"""Encoding by the FFmpeg inside PyAV."""

from __future__ import annotations

import contextlib
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream

from neuralib.audio.block import Block
from neuralib.audio.encoder import Encoder
from neuralib.audio.formats import Format
from neuralib.audio.pcm import to_integers
from neuralib.audio.sink import Sink

_LAYOUTS = ("mono", "stereo", "3.0", "quad", "5.0", "5.1", "6.1", "7.1")
"""Layout for 1 to 8 channels: that of FLAC's specification."""


class FFmpegEncoder(Encoder):
    """One audio stream in one container; the same samples always give the same bytes.

    FFmpeg's flag `bitexact` leaves out dates, random numbers and names of programs.
    """

    def __init__(
        self,
        path: Path,
        target: Format,
        codec: str,
        *,
        sample_rate: int,
        channels: int,
        integer_bits: int | None,
    ) -> None:
        self._rate = sample_rate
        self._layout = _LAYOUTS[channels - 1]
        self._integer_bits = integer_bits
        self._sent = 0
        self._sink = Sink(path)
        try:
            options = {"fflags": "+bitexact", **target.container_options}
            if target.container == "ipod":
                # Edit lists, which hold delay and length, would count milliseconds.
                options["movie_timescale"] = str(sample_rate)
            self._container = av.open(self._sink, "w", target.container, options)
            self._stream = self._add_stream(target, codec, channels)
        except BaseException:
            self._sink.abandon()
            raise

    def encode(self, block: Block) -> None:
        """Encode a block."""
        if block.shape[1]:
            self._container.mux(self._stream.encode(self._frame(block)))
            self._sink.check()

    def finish(self) -> None:
        """Flush the encoder, complete the header and close the file."""
        self._container.start_encoding()
        self._container.mux(self._stream.encode(None))
        self._container.close()
        self._sink.close()

    def release(self) -> None:
        """Close the file as it is."""
        try:
            with contextlib.suppress(av.FFmpegError):
                self._container.close()
        finally:  # an interrupt may come meanwhile
            self._sink.abandon()

    def _add_stream(self, target: Format, codec: str, channels: int) -> AudioStream:
        options = {"flags": "+bitexact", **target.codec_options}
        if target.channel_bit_rate is not None:
            options["b"] = str(target.channel_bit_rate * channels)
        stream = self._container.add_stream(codec, self._rate, options, layout=self._layout)
        assert isinstance(stream, AudioStream)
        bits = self._integer_bits
        stream.format = target.float_format if bits is None else _integer_format(bits)
        return stream

    def _frame(self, block: Block) -> AudioFrame:
        interleaved = np.ascontiguousarray(block.T).reshape(1, -1)
        if self._integer_bits is None:
            frame = AudioFrame.from_ndarray(interleaved, "flt", self._layout)
        else:
            integers, clipped = to_integers(interleaved, self._integer_bits)
            self.clipped += clipped
            kind = _integer_format(self._integer_bits)
            frame = AudioFrame.from_ndarray(integers, kind, self._layout)
        frame.sample_rate = self._rate
        frame.time_base = Fraction(1, self._rate)
        frame.pts = self._sent
        self._sent += block.shape[1]
        return frame


def _integer_format(bits: int) -> str:
    return "s16" if bits == 16 else "s32"
