"""Writing audio files: what can be written here, and starting to."""

from __future__ import annotations

from pathlib import Path

import av

from neuralib.audio.encoder import Encoder
from neuralib.audio.ffmpeg_encoder import FFmpegEncoder
from neuralib.audio.formats import FORMATS, LIBVORBIS, MAX_CHANNELS, Format
from neuralib.audio.resample import Resampler
from neuralib.audio.vorbis_encoder import VorbisEncoder
from neuralib.audio.writer import Writer
from neuralib.errors import EncoderMissing, UsageError


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
        if codec == LIBVORBIS:
            VorbisEncoder.check()
        else:
            av.codec.Codec(codec, "w")
            av.format.ContainerFormat(chosen.container, "w")
    except (ValueError, ImportError, OSError):
        package = "soundfile" if codec == LIBVORBIS else "av"
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
    rate = chosen.writable_rate(sample_rate)

    def start() -> Encoder:
        if codec == LIBVORBIS:
            return VorbisEncoder(path, sample_rate=rate, channels=channels)
        return FFmpegEncoder(
            path,
            chosen,
            codec,
            sample_rate=rate,
            channels=channels,
            integer_bits=chosen.integer_bits(bit_depth),
        )

    resampler = Resampler(sample_rate, rate, channels) if rate != sample_rate else None
    return Writer(start, channels=channels, resampler=resampler, label=label or str(path))


def _choose(format: str, bit_depth: int | None) -> tuple[Format, str]:
    chosen = FORMATS.get(format)
    if chosen is None:
        raise UsageError(f"unknown format {format!r}; formats are {', '.join(FORMATS)}")
    codec = chosen.codec_for(bit_depth)
    if codec is None:
        depths = ", ".join(map(str, chosen.codec))
        raise UsageError(f"{format} cannot have a bit depth of {bit_depth}; it has {depths}")
    return chosen, codec
