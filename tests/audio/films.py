"""Films whose sound and pictures begin at known times, and sound with packets left out."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from tests.audio_files import Samples

RATE = 48000


@dataclass(frozen=True)
class FilmKind:
    """A container with pictures and sound."""

    suffix: str
    container: str
    """FFmpeg's name of the muxer."""
    pictures: str
    sound: str
    off: int
    """Samples by which all may be late or early: a millisecond, or a codec frame in MPEG-TS."""

    @property
    def name(self) -> str:
        return f"{self.suffix}-{self.sound}"


FILMS = (
    FilmKind("mp4", "mp4", "mpeg4", "aac", 48),
    FilmKind("mp4", "mp4", "mpeg4", "libmp3lame", 48),
    FilmKind("mp4", "mp4", "mpeg4", "libopus", 48),
    FilmKind("mov", "mov", "mpeg4", "pcm_s16le", 0),
    FilmKind("mkv", "matroska", "mpeg4", "aac", 48),
    FilmKind("mkv", "matroska", "mpeg4", "flac", 48),
    FilmKind("webm", "webm", "libvpx", "libopus", 48),
    FilmKind("ts", "mpegts", "mpeg2video", "aac", 1024),
)


def write_film(
    path: Path,
    kind: FilmKind,
    samples: Samples,
    *,
    sound: float = 0.0,
    pictures: float = 0.0,
    gap: tuple[float, float] = (0.0, 0.0),
) -> Path:
    """Write mono sound of 48 kHz, and half a second of black pictures, that begin at these seconds.

    Packets of sound that begin in `gap` (seconds of the sound) are left out.
    """
    with av.open(str(path), "w", format=kind.container) as output:
        screen = output.add_stream(kind.pictures, rate=25, width=64, height=64)
        screen.pix_fmt = "yuv420p"
        speaker = output.add_stream(kind.sound, rate=RATE, layout="mono")
        packets = []
        for number in range(12):
            picture = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), format="rgb24")
            picture.pts, picture.time_base = number + round(25 * pictures), Fraction(1, 25)
            packets += screen.encode(picture)
        packets += screen.encode(None)
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples), "flt", "mono")
        frame.sample_rate, frame.pts, frame.time_base = RATE, round(sound * RATE), Fraction(1, RATE)
        for packet in [*speaker.encode(frame), *speaker.encode(None)]:
            start = float(packet.pts * packet.time_base) - sound
            if not gap[0] <= start < gap[1]:
                packets.append(packet)
        output.mux(sorted(packets, key=lambda packet: packet.dts * packet.time_base))
    return path
