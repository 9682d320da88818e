"""The formats that audio can be written in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import av

from neuralib.audio.encoder import Encoder
from neuralib.audio.ffmpeg_encoder import MAX_CHANNELS, FFmpegEncoder
from neuralib.audio.resample import Resampler
from neuralib.audio.vorbis_encoder import VorbisEncoder
from neuralib.audio.writer import Writer
from neuralib.errors import EncoderMissing, UsageError


@dataclass(frozen=True)
class Format:
    """How one format is written."""

    container: str
    """Name of FFmpeg's muxer."""
    codec: str | Mapping[int, str]
    """Name of FFmpeg's encoder, for each bit depth where it is lossless."""
    rates: Sequence[int]
    """Sample rates that it can hold, ascending."""
    max_channels: int = MAX_CHANNELS
    container_options: Mapping[str, str] = field(default_factory=dict)
    codec_options: Mapping[str, str] = field(default_factory=dict)
    channel_bit_rate: int | None = None
    """Bits per second and channel, for the encoders that are told."""


_LIBVORBIS = "libvorbis"
"""FFmpeg's name, but it is libsndfile that brings it: PyAV's FFmpeg is built without."""

_WAV_CODECS = {16: "pcm_s16le", 24: "pcm_s24le", 32: "pcm_f32le"}
_MP3_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)
_AAC_RATES = (*_MP3_RATES, 64000, 88200, 96000)
_BEST_VARIABLE_RATE = {"flags": "+bitexact+qscale", "global_quality": "0"}
"""LAME's V0, about 245 kbit/s for stereo."""

FORMATS: Mapping[str, Format] = {
    # Room is kept in the header to become RF64 past 4 GiB.
    "wav": Format("wav", _WAV_CODECS, range(1, 2**32), container_options={"rf64": "auto"}),
    "flac": Format("flac", {16: "flac", 24: "flac"}, range(1, 655_351)),
    "mp3": Format("mp3", "libmp3lame", _MP3_RATES, 2, codec_options=_BEST_VARIABLE_RATE),
    "ogg": Format("ogg", _LIBVORBIS, range(8000, 192_001), 2),
    "opus": Format("opus", "libopus", (48_000,), channel_bit_rate=96_000),
    "m4a": Format("ipod", "aac", _AAC_RATES, channel_bit_rate=128_000),
}
"""By the names of `tasks.AudioFormat`."""


def check_encoder(format: str, bit_depth: int | None) -> None:
    """Make sure that a format can be written here, before anything is computed.

    Args:
        format: one of `FORMATS`.
        bit_depth: bits of a sample for wav (16, 24, 32: float) and flac (16, 24); None: 16.
            Lossy formats have none, and do not look at it.

    Raises:
        UsageError: no such format, or not with so many bits.
        EncoderMissing: the installed libraries lack the encoder.
    """
    chosen, codec = _choose(format, bit_depth)
    try:
        if codec == _LIBVORBIS:
            VorbisEncoder.check()
        else:
            av.codec.Codec(codec, "w")
            av.format.ContainerFormat(chosen.container, "w")
    except (ValueError, ImportError, OSError):
        package = "soundfile" if codec == _LIBVORBIS else "av"
        raise EncoderMissing(
            f"{format} cannot be written here: the package {package} lacks its encoder; "
            f"pip install --force-reinstall {package}, or take another format"
        ) from None


def open_writer(
    path: Path,
    *,
    format: str,
    sample_rate: int,
    channels: int,
    bit_depth: int | None = None,
    label: str | None = None,
) -> Writer:
    """Start writing an audio file.

    - Integers are rounded to nearest, without dither, and clipped at full scale: `close` warns
      if any were. 32-bit float is written exactly as it comes.
    - A lossy format that cannot hold the sample rate gets the next higher that it can, or its
      highest; opus is always 48 kHz. Length and alignment stay exact.
    - The delay of lossy encoders is noted in the file, so that players begin with the first
      sample.
    - The same samples give the same bytes, however they are cut into blocks.

    Args:
        path: written as it is, whatever its suffix; an existing file is replaced.
        format: one of `FORMATS`.
        sample_rate: of the blocks to come, hertz.
        channels: of the blocks to come.
        bit_depth: as in `check_encoder`.
        label: what messages call the file, where `path` is a temporary name.

    Raises:
        UsageError, EncoderMissing: as `check_encoder`; UsageError for too many channels.
        OutputError: where the file cannot be made.
    """
    check_encoder(format, bit_depth)
    chosen, codec = _choose(format, bit_depth)
    if not 1 <= channels <= chosen.max_channels:
        raise UsageError(
            f"{format} is written with 1 to {chosen.max_channels} channels, got {channels}; "
            f"wav and flac take up to {MAX_CHANNELS}"
        )
    rate = _writable_rate(sample_rate, chosen.rates)

    def start() -> Encoder:
        if codec == _LIBVORBIS:
            return VorbisEncoder(path, sample_rate=rate, channels=channels)
        return FFmpegEncoder(
            path,
            container=chosen.container,
            codec=codec,
            sample_rate=rate,
            channels=channels,
            integer_bits=_integer_bits(chosen, bit_depth),
            container_options=chosen.container_options,
            codec_options=_codec_options(chosen, channels),
        )

    resampler = Resampler(sample_rate, rate, channels) if rate != sample_rate else None
    return Writer(start, channels=channels, resampler=resampler, label=label or str(path))


def _choose(format: str, bit_depth: int | None) -> tuple[Format, str]:
    chosen = FORMATS.get(format)
    if chosen is None:
        raise UsageError(f"unknown format {format!r}; formats are {', '.join(FORMATS)}")
    if isinstance(chosen.codec, str):
        return chosen, chosen.codec
    codec = chosen.codec.get(bit_depth or 16)
    if codec is None:
        depths = ", ".join(map(str, chosen.codec))
        raise UsageError(f"{format} cannot have a bit depth of {bit_depth}; it has {depths}")
    return chosen, codec


def _writable_rate(rate: int, allowed: Sequence[int]) -> int:
    """Give `rate` where it is allowed, else the next that loses nothing, else the highest."""
    if rate in allowed:
        return rate
    return next((higher for higher in allowed if higher > rate), allowed[-1])


def _integer_bits(chosen: Format, bit_depth: int | None) -> int | None:
    if isinstance(chosen.codec, str) or bit_depth == 32:
        return None
    return bit_depth or 16


def _codec_options(chosen: Format, channels: int) -> Mapping[str, str]:
    if chosen.channel_bit_rate is None:
        return chosen.codec_options
    return {**chosen.codec_options, "b": str(chosen.channel_bit_rate * channels)}
