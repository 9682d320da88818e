"""Title, artist and cover of a recording."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import av
from av.container import InputContainer
from av.video.stream import VideoStream

from neuralib.audio.container import open_audio

_MOST_CHARACTERS = 1000
"""Of one tag; what is longer is no title."""
_MOST_COVER_BYTES = 16_000_000
"""FLAC holds pictures of up to 16 MiB, with their description."""
_MIMES = {"mjpeg": "image/jpeg", "png": "image/png"}
"""By FFmpeg's names; the pictures that every format can hold."""


@dataclass(frozen=True)
class Cover:
    """A picture."""

    mime: str
    """image/jpeg or image/png."""
    data: bytes


@dataclass(frozen=True)
class Tags:
    """What is known of a recording; all but ReplayGain and the like is true of its stems too."""

    title: str | None = None
    artist: str | None = None
    album: str | None = None
    date: str | None = None
    """Year, or year-month-day."""
    track: str | None = None
    """Number, or number/total."""
    cover: Cover | None = None


def read_tags(path: Path) -> Tags:
    """Read the tags of an audio file, in whatever way its container keeps them.

    Raises:
        InputError: as `open_audio` does.
    """
    with open_audio(path) as source:
        # Ogg keeps them with the stream; the name of a film's sound track is no title.
        found = {**_plain(source.stream.metadata), **_plain(source.container.metadata)}
        return Tags(
            title=found.get("title"),
            artist=found.get("artist"),
            album=found.get("album"),
            date=found.get("date") or found.get("date_released") or found.get("year"),
            track=found.get("track"),
            cover=_cover(source.container),
        )


def _plain(metadata: Mapping[str, str]) -> dict[str, str]:
    texts = {key.lower(): _clean(value) for key, value in metadata.items()}
    return {key: text for key, text in texts.items() if text}


def _clean(value: str) -> str:
    text = "".join(char if char.isprintable() else " " for char in value)
    return " ".join(unicodedata.normalize("NFC", text).split())[:_MOST_CHARACTERS]


def _cover(container: InputContainer) -> Cover | None:
    for stream in container.streams.video:
        mime = _MIMES.get(stream.codec_context.name) if stream.codec_context else None
        if mime and stream.disposition & av.stream.Disposition.attached_pic:
            return _picture(container, stream, mime)
    return None


def _picture(container: InputContainer, stream: VideoStream, mime: str) -> Cover | None:
    try:
        data = bytes(next(container.demux(stream)))
    except (av.FFmpegError, StopIteration):
        return None
    return Cover(mime, data) if 0 < len(data) <= _MOST_COVER_BYTES else None
