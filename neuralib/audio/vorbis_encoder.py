"""Vorbis by libsndfile's libvorbis: FFmpeg's own Vorbis encoder is poor."""

from __future__ import annotations

import contextlib
from pathlib import Path

import numpy as np

from neuralib.audio.block import Block
from neuralib.audio.encoder import Encoder
from neuralib.audio.ogg_pages import OggPages
from neuralib.audio.reblock import Reblocker

_COMPRESSION_LEVEL = 0.2
"""libvorbis' quality 8, about 256 kbit/s for stereo at 44.1 kHz."""

_CHUNK_FRAMES = 4096
"""What libsndfile is given at once: always as many, as the bytes depend on it, and few, as it
keeps them on the stack and crashes on a million."""


class VorbisEncoder(Encoder):
    """One Vorbis stream of one or two channels; the same samples give the same bytes."""

    def __init__(self, path: Path, *, sample_rate: int, channels: int) -> None:
        import soundfile

        self._pages = OggPages()
        self._chunks = Reblocker(_CHUNK_FRAMES)
        self._sound = soundfile.SoundFile(
            self._pages,
            "w",
            samplerate=sample_rate,
            channels=channels,
            format="OGG",
            subtype="VORBIS",
            compression_level=_COMPRESSION_LEVEL,
        )
        self._file = open(path, "wb")  # noqa: SIM115 - `finish` and `release` close it

    @staticmethod
    def check() -> None:
        """Raise ImportError or OSError where libsndfile is missing, ValueError without Vorbis."""
        import soundfile

        if not soundfile.check_format("OGG", "VORBIS"):
            raise ValueError("libsndfile is built without Vorbis")

    def encode(self, block: Block) -> None:
        """Encode a block."""
        for chunk in self._chunks.push(block):
            self._write(chunk)

    def finish(self) -> None:
        """Write what is left of the samples, and the last pages."""
        for chunk in self._chunks.finish():
            self._write(chunk)
        self._sound.close()
        self._file.write(self._pages.take())
        self._file.close()

    def release(self) -> None:
        """Close the file as it is."""
        self._sound.close()
        with contextlib.suppress(OSError):
            self._file.close()

    def _write(self, chunk: Block) -> None:
        self._sound.write(np.ascontiguousarray(chunk.T))
        self._file.write(self._pages.take())
