"""The formats that audio can be written in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

MAX_CHANNELS = 8


@dataclass(frozen=True)
class Format:
    """How one format is written."""

    container: str
    """Name of FFmpeg's muxer."""
    codec: str | Mapping[int, str]
    """Name of FFmpeg's encoder; of a lossless format, for each bit depth."""
    rates: Sequence[int]
    """Sample rates that it can hold, in hertz, ascending."""
    max_channels: int = MAX_CHANNELS
    float_format: str = "flt"
    """FFmpeg's name of the float samples that the encoder takes; some take integers too, and
    those would be clipped."""
    container_options: Mapping[str, str] = field(default_factory=dict)
    codec_options: Mapping[str, str] = field(default_factory=dict)
    channel_bit_rate: int | None = None
    """Bits per second for each channel; None: up to the encoder."""

    def writable_rate(self, rate: int) -> int:
        """Give `rate` where it can be held, else the next that loses nothing, else the highest."""
        if rate in self.rates:
            return rate
        return next((higher for higher in self.rates if higher > rate), self.rates[-1])

    def codec_for(self, bit_depth: int | None) -> str | None:
        """Name the encoder for a bit depth (None: 16); lossy formats look at none.

        Returns:
            None where there is none for it.
        """
        return self.codec if isinstance(self.codec, str) else self.codec.get(bit_depth or 16)

    def least_bytes(self, seconds: float, rate: int, channels: int, bit_depth: int | None) -> float:
        """Estimate the size of a file; a compressed one of much silence is half the usual."""
        if isinstance(self.codec, str):
            bit_rate = (self.channel_bit_rate or _USUAL_BIT_RATE) / 2
        else:
            bit_rate = rate * (bit_depth or 16) / (1 if self.container == "wav" else 2)
        return seconds * channels * bit_rate / 8

    def integer_bits(self, bit_depth: int | None) -> int | None:
        """Give the size of the integers to encode, or None for floats."""
        return None if isinstance(self.codec, str) or bit_depth == 32 else bit_depth or 16


LIBVORBIS = "libvorbis"
"""FFmpeg's name for it, but here libsndfile brings it: PyAV's FFmpeg is built without."""

_USUAL_BIT_RATE = 96_000
"""For each channel, where the encoder decides."""
_WAV_CODECS = {16: "pcm_s16le", 24: "pcm_s24le", 32: "pcm_f32le"}
_MP3_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)
_AAC_RATES = (*_MP3_RATES, 64000, 88200, 96000)
_LAME_V0 = {"flags": "+bitexact+qscale", "global_quality": "0"}
"""The best variable bit rate, about 245 kbit/s for stereo."""

FORMATS: Mapping[str, Format] = {
    # Room is kept in the header to become RF64 past 4 GiB.
    "wav": Format("wav", _WAV_CODECS, range(1, 2**31), container_options={"rf64": "auto"}),
    "flac": Format("flac", {16: "flac", 24: "flac"}, range(1, 655_351)),
    "mp3": Format("mp3", "libmp3lame", _MP3_RATES, 2, "fltp", codec_options=_LAME_V0),
    "ogg": Format("ogg", LIBVORBIS, range(8000, 192_001), 2),
    "opus": Format("opus", "libopus", (48_000,), channel_bit_rate=96_000),
    "m4a": Format("ipod", "aac", _AAC_RATES, float_format="fltp", channel_bit_rate=128_000),
}
"""By the names of `tasks.AudioFormat`."""
