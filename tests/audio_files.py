"""Audio files, good and bad, made from numbers: no recording is needed, and none is kept."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import av
import numpy as np
import soundfile
from numpy.typing import NDArray

from neuralib.errors import DecodeError, InputError, InputNotFound, NoAudio

Kind = Literal["u8", "s16", "s24", "s32", "f32", "f64"]
Samples = NDArray[np.float32]

_BITS: dict[Kind, int] = {"u8": 8, "s16": 16, "s24": 24, "s32": 32, "f32": 32, "f64": 64}


def tone(
    seconds: float = 1.0,
    *,
    rate: int = 44100,
    channels: int = 2,
    hertz: float = 440.0,
    amplitude: float = 0.5,
) -> Samples:
    """A sine, an octave higher in each further channel; (channels, frames)."""
    times = np.arange(round(seconds * rate)) / rate
    pitches = hertz * 2.0 ** np.arange(channels)[:, None]
    return (amplitude * np.sin(2 * np.pi * pitches * times)).astype(np.float32)


def noise(frames: int, *, channels: int = 2, seed: int = 0, amplitude: float = 0.1) -> Samples:
    """White noise, the same for the same seed; (channels, frames)."""
    random = np.random.default_rng(seed)
    return (amplitude * random.standard_normal((channels, frames))).astype(np.float32)


def click(frames: int, at: int, *, channels: int = 2, amplitude: float = 0.8) -> Samples:
    """Silence with one sample that is not; (channels, frames)."""
    samples = np.zeros((channels, frames), np.float32)
    samples[:, at] = amplitude
    return samples


def wav_bytes(
    samples: NDArray[np.floating],
    rate: int = 44100,
    kind: Kind = "s16",
    *,
    declared: int | None = None,
    trailing: bytes = b"",
) -> bytes:
    """A WAV file of (channels, frames) samples.

    `declared` replaces the size of the data in the header; `trailing` follows the data.
    """
    channels, bits = len(samples), _BITS[kind]
    data = _pcm(samples, kind)
    size = len(data) if declared is None else declared
    align = channels * bits // 8
    tag = 3 if kind.startswith("f") else 1
    header = struct.pack("<HHIIHH", tag, channels, rate, rate * align, align, bits)
    body = b"WAVEfmt " + struct.pack("<I", len(header)) + header
    body += b"data" + struct.pack("<I", size) + data + trailing
    return b"RIFF" + struct.pack("<I", len(body) & 0xFFFFFFFF) + body


def write_wav(
    path: Path, samples: NDArray[np.floating], rate: int = 44100, kind: Kind = "s16"
) -> Path:
    """Write (channels, frames) samples as a WAV file."""
    path.write_bytes(wav_bytes(samples, rate, kind))
    return path


def write_flac(path: Path, samples: Samples, rate: int = 44100, bits: int = 16) -> Path:
    """Write (channels, frames) samples as a FLAC file."""
    soundfile.write(str(path), samples.T, rate, subtype=f"PCM_{bits}", format="FLAC")
    return path


def write_lossy(path: Path, samples: Samples, rate: int, *, codec: str, container: str) -> Path:
    """Write (channels, frames) samples with an encoder of FFmpeg."""
    layout = {1: "mono", 2: "stereo"}[len(samples)]
    with open(path, "wb") as file, av.open(file, "w", format=container) as output:
        stream = output.add_stream(codec, rate=rate, layout=layout)
        interleaved = np.ascontiguousarray(samples.T).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(interleaved, format="flt", layout=layout)
        frame.sample_rate = rate
        output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return path


def cut(path: Path, part: float) -> Path:
    """Leave only the first `part` (0 to 1) of a file's bytes."""
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * part)])
    return path


def png_bytes() -> bytes:
    """A black picture of 2 by 2 pixels."""

    def chunk(name: bytes, data: bytes) -> bytes:
        body = name + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 2, 2, 8, 2, 0, 0, 0))
    pixels = chunk(b"IDAT", zlib.compress(b"\0" * 14))
    return b"\x89PNG\r\n\x1a\n" + header + pixels + chunk(b"IEND", b"")


def write_video(path: Path) -> Path:
    """Write a film without sound."""
    with open(path, "wb") as file, av.open(file, "w", format="mp4") as output:
        stream = output.add_stream("mpeg4", rate=10, width=64, height=64, pix_fmt="yuv420p")
        for _ in range(5):
            picture = np.zeros((64, 64, 3), np.uint8)
            output.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        output.mux(stream.encode(None))
    return path


def _pcm(samples: NDArray[np.floating], kind: Kind) -> bytes:
    interleaved = np.asarray(samples, np.float64).T
    if kind in ("f32", "f64"):
        with np.errstate(over="ignore"):
            return interleaved.astype(f"<{kind[0]}{_BITS[kind] // 8}").tobytes()
    scale = 2.0 ** (_BITS[kind] - 1)
    integers = np.clip(np.rint(interleaved * scale), -scale, scale - 1).astype("<i8")
    if kind == "u8":
        return (integers + 128).astype(np.uint8).tobytes()
    if kind == "s24":
        return integers.astype("<i4")[..., None].view(np.uint8)[..., :3].tobytes()
    return integers.astype(f"<i{_BITS[kind] // 8}").tobytes()


def _with_sample(value: float) -> bytes:
    samples = tone(1.0)
    samples[0, 11025] = value
    return wav_bytes(samples, kind="f32")


def _write(content: bytes) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(content)


BAD_INPUTS: dict[str, tuple[str, type[InputError], Callable[[Path], object]]] = {
    "missing": ("missing.wav", InputNotFound, lambda path: None),
    "folder": ("folder.wav", NoAudio, Path.mkdir),
    "empty": ("empty.wav", NoAudio, _write(b"")),
    "text": ("text.wav", DecodeError, _write(b"la la la, this is not audio\n" * 40)),
    "random bytes": ("random.wav", DecodeError, _write(np.random.default_rng(0).bytes(40_000))),
    "zeros": ("zeros.mp3", DecodeError, _write(bytes(40_000))),
    "half a header": ("header.wav", DecodeError, _write(wav_bytes(tone())[:30])),
    "truncated flac": ("cut.flac", DecodeError, lambda path: cut(write_flac(path, tone(2)), 0.5)),
    "no samples": ("silent.wav", NoAudio, _write(wav_bytes(np.zeros((2, 0))))),
    "not a number": ("nan.wav", DecodeError, _write(_with_sample(np.nan))),
    "infinite": ("infinite.wav", DecodeError, _write(_with_sample(-np.inf))),
    "picture": ("picture.png", NoAudio, _write(png_bytes())),
    "film without sound": ("film.mp4", NoAudio, write_video),
    "playlist": ("list.m3u8", DecodeError, _write(b"#EXTM3U\n#EXTINF:1,\nsecret.wav\n")),
}
"""Inputs that cannot be used: the name of the file, the error that it gives, and its maker."""


def make_bad_input(name: str, folder: Path) -> tuple[Path, type[InputError]]:
    """Make one of `BAD_INPUTS` in a folder; return its path and the error that it gives."""
    file_name, error, make = BAD_INPUTS[name]
    path = folder / file_name
    make(path)
    return path, error


AWKWARD_NAMES = (
    "two words.wav",
    "new\nline.wav",
    "-leading-dash.wav",
    "Größe 音楽 🎵.wav",
    "50%d percent%03d.wav",
    "http:colon.wav",
    "concat:a|b.wav",
    "pipe:0.wav",
    "quote'and\"quote.wav",
)
"""Names that are good, though programs stumble over them."""
