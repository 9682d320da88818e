"""Known sound in every container and codec that FFmpeg's library writes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from av.audio.stream import AudioStream
from av.stream import Disposition

from neuralib.audio.decode import decode, probe
from tests.audio.splits import join
from tests.audio_files import Samples, click, noise


@dataclass(frozen=True)
class Kind:
    """A container with a codec in it."""

    suffix: str
    container: str
    """FFmpeg's name of the muxer."""
    codec: str
    """FFmpeg's name of the encoder."""
    rates: tuple[int, ...] = (44100, 48000)
    off: int = 0
    """Samples by which all may be late or early: a codec frame where no delay is declared."""
    longer: int = 0
    """Samples by which it may be longer: a codec frame where no length is declared."""
    sample_format: str | None = None
    """FFmpeg's name of what the encoder takes; None: the first that it knows."""

    @property
    def name(self) -> str:
        return f"{self.suffix}-{self.codec}"


_ALL_RATES = (8000, 22050, 44100, 48000, 96000)
_SOME_RATES = (8000, 44100, 96000)
LOSSLESS = (
    Kind("wav", "wav", "pcm_s16le", _SOME_RATES),
    Kind("wav", "wav", "pcm_s24le", _SOME_RATES),
    Kind("wav", "wav", "pcm_f32le", _SOME_RATES),
    Kind("aiff", "aiff", "pcm_s16be", _SOME_RATES),
    Kind("aiff", "aiff", "pcm_s24be", _SOME_RATES),
    Kind("w64", "w64", "pcm_s16le", _SOME_RATES),
    Kind("caf", "caf", "pcm_s16be", _SOME_RATES),
    Kind("caf", "caf", "alac", _SOME_RATES),
    Kind("au", "au", "pcm_s16be", _SOME_RATES),
    Kind("flac", "flac", "flac", _SOME_RATES),
    Kind("ogg", "ogg", "flac", _SOME_RATES),
    Kind("m4a", "ipod", "alac", _SOME_RATES),
    Kind("mp4", "mp4", "flac", _SOME_RATES),
    Kind("mov", "mov", "pcm_s24be", _SOME_RATES),
    Kind("mkv", "matroska", "flac", _SOME_RATES),
    Kind("mkv", "matroska", "pcm_s16le", _SOME_RATES),
    Kind("avi", "avi", "pcm_s16le", _SOME_RATES),
    Kind("wv", "wv", "wavpack", _SOME_RATES, sample_format="s16p"),
    Kind("tta", "tta", "tta", _SOME_RATES, sample_format="s16"),
)
LOSSY = (
    Kind("mp3", "mp3", "libmp3lame", (8000, 22050, 44100, 48000)),
    Kind("m4a", "ipod", "aac", _ALL_RATES),
    Kind("mp4", "mp4", "aac", _ALL_RATES),
    Kind("mov", "mov", "aac", _ALL_RATES),
    Kind("mkv", "matroska", "aac", _ALL_RATES, longer=1024),
    Kind("aac", "adts", "aac", _ALL_RATES, off=1024, longer=2048),
    Kind("ts", "mpegts", "aac", off=1024, longer=2048),
    # The length is in milliseconds there.
    Kind("mp4", "mp4", "libmp3lame", longer=48),
    Kind("mkv", "matroska", "libmp3lame"),
    Kind("avi", "avi", "libmp3lame", off=1152, longer=2 * 1152),
    Kind("opus", "ogg", "libopus", (48000,)),
    Kind("webm", "webm", "libopus", (48000,)),
    Kind("mkv", "matroska", "libopus", (48000,)),
    Kind("mp4", "mp4", "libopus", (48000,)),
    Kind("mp2", "mp2", "mp2", off=1152, longer=2 * 1152),
    Kind("ac3", "ac3", "ac3", off=1536, longer=2 * 1536),
    # The decoder leaves out what Microsoft's encoder puts before the song, and FFmpeg's does not.
    Kind("wma", "asf", "wmav2", off=2048, longer=2048),
    Kind("amr", "amr", "libopencore_amrnb", (8000,), off=160, longer=160),
    Kind("3gp", "3gp", "libopencore_amrnb", (8000,), off=160),
)


def mark(frames: int, at: int, *, channels: int) -> Samples:
    """Noise with one loud sample: where it is, and where all the rest is, can be told.

    Its samples are whole numbers of 2^-15, so that 16 bits hold them.
    """
    samples = click(frames, at, channels=channels) + noise(
        frames, channels=channels, amplitude=0.02
    )
    whole_numbers: Samples = np.rint(samples * 2**15).astype(np.float32)
    return whole_numbers / np.float32(2**15)


def write(path: Path, kind: Kind, samples: Samples, rate: int) -> Path:
    """Write (channels, frames) samples, as an encoder wants them, in one stream."""
    layout = {1: "mono", 2: "stereo"}[len(samples)]
    with av.open(str(path), "w", format=kind.container) as output:
        stream = output.add_stream(kind.codec, rate=rate, layout=layout)
        assert isinstance(stream, AudioStream)
        if kind.codec.startswith("wma"):
            stream.bit_rate = 128_000
        if kind.sample_format:
            stream.format = kind.sample_format
        interleaved = np.ascontiguousarray(samples.T).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(interleaved, format="flt", layout=layout)
        frame.sample_rate = rate
        frame.pts = 0
        output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return path


def whole(path: Path) -> Samples:
    return join(decode(path), probe(path).channels)


def lag(decoded: Samples, samples: Samples) -> int:
    """By how many samples the first channel is late, as far as it can be told from all of it."""
    size = 2 * max(decoded.shape[1], samples.shape[1])
    spectrum = np.fft.rfft(decoded[0], size) * np.fft.rfft(samples[0], size).conj()
    at = int(np.fft.irfft(spectrum, size).argmax())
    return at - size if at > size // 2 else at


def write_film(path: Path) -> list[Samples]:
    """Write a file of an English stream of 0.25 s and a German one of 0.5 s, the default one."""
    both = [noise(12_000, channels=1, seed=1), noise(24_000, channels=2, seed=2)]
    with av.open(str(path), "w") as output:
        streams = []
        for samples, language in zip(both, ("eng", "ger"), strict=True):
            layout = ("mono", "stereo")[len(samples) - 1]
            stream = output.add_stream("flac", rate=48000, layout=layout)
            stream.metadata["language"] = language
            stream.disposition = Disposition.default if language == "ger" else Disposition(0)
            streams.append((stream, layout))
        for (stream, layout), samples in zip(streams, both, strict=True):
            integers = np.rint(samples.T * 2**15).astype(np.int16).reshape(1, -1)
            frame = av.AudioFrame.from_ndarray(integers, format="s16", layout=layout)
            frame.sample_rate, frame.pts = 48000, 0
            output.mux([*stream.encode(frame), *stream.encode(None)])
    return [np.rint(samples * 2**15).astype(np.float32) / np.float32(2**15) for samples in both]
