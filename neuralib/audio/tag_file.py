"""Writing tags into a finished audio file."""

from __future__ import annotations

import base64
import io
import logging
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from mutagen import MutagenError, id3
from mutagen.flac import FLAC, Picture
from mutagen.mp4 import MP4, MP4Cover
from mutagen.oggopus import OggOpus
from mutagen.oggvorbis import OggVorbis
from mutagen.wave import WAVE

from neuralib.audio.riff import append_chunk
from neuralib.audio.tags import Cover, Tags
from neuralib.errors import cannot_write

_LOG = logging.getLogger(__name__)

_RIFF_BYTES = 2**32
_FRONT_COVER = 3
"""ID3v2.4 section 4.14, which FLAC and Vorbis follow."""


def write_tags(path: Path, format: str, tags: Tags, label: str) -> None:
    """Add tags to a file that `encode` has written; no tags leave it as it is.

    Args:
        path: of the file, whatever its suffix.
        format: as in `FORMATS`.
        tags: what to write.
        label: what messages call the file.

    Raises:
        OutputError: where the disk is full, or refuses.
    """
    if tags == Tags():
        return
    try:
        _WRITERS[format](path, tags)
    except MutagenError as error:
        cause = error.args[0] if error.args else error
        told = cause if isinstance(cause, OSError) else OSError(str(error))
        raise cannot_write(label, told) from None
    except OSError as error:
        raise cannot_write(label, error) from None


def _frames(tags: Tags) -> list[id3.Frame]:
    texts: list[tuple[Any, str | None]] = [
        (id3.TIT2, tags.title),
        (id3.TPE1, tags.artist),
        (id3.TALB, tags.album),
        (id3.TDRC, tags.date),
        (id3.TRCK, tags.track),
    ]
    frames: list[id3.Frame] = [
        kind(encoding=id3.Encoding.UTF8, text=text) for kind, text in texts if text
    ]
    if cover := tags.cover:
        frames.append(id3.APIC(mime=cover.mime, type=_FRONT_COVER, desc="", data=cover.data))
    return frames


def _id3(tags: Tags) -> id3.ID3:
    header = id3.ID3()
    for frame in _frames(tags):
        header.add(frame)
    return header


def _most_bytes(tags: Tags) -> int:
    return 100_000 + (len(tags.cover.data) if tags.cover else 0)


def _write_mp3(path: Path, tags: Tags) -> None:
    _id3(tags).save(path)


def _write_wav(path: Path, tags: Tags) -> None:
    with path.open("r+b") as file:
        if file.read(4) == b"RF64":  # mutagen reads 32-bit sizes alone
            data = io.BytesIO()
            _id3(tags).save(data, padding=lambda _: 0)
            append_chunk(file, b"id3 ", data.getvalue())
            return
        if file.seek(0, os.SEEK_END) + _most_bytes(tags) > _RIFF_BYTES:
            _LOG.warning(
                "%r has no room for tags, so close to 4 GiB",
                path.name,
                extra={"action": "output.untagged"},
            )
            return
    wave: Any = WAVE(path)
    wave.add_tags()
    for frame in _frames(tags):
        wave.tags.add(frame)
    wave.save()


def _comments(tags: Tags) -> dict[str, str]:
    found = {
        "title": tags.title,
        "artist": tags.artist,
        "album": tags.album,
        "date": tags.date,
        "tracknumber": tags.track,
    }
    return {key: text for key, text in found.items() if text}


def _picture(cover: Cover) -> Picture:
    picture = Picture()
    picture.type, picture.mime, picture.data = _FRONT_COVER, cover.mime, cover.data
    return picture


def _write_flac(path: Path, tags: Tags) -> None:
    file = FLAC(path)
    file.update(_comments(tags))
    if tags.cover:
        file.add_picture(_picture(tags.cover))
    file.save()


def _write_ogg(kind: type[OggVorbis | OggOpus], path: Path, tags: Tags) -> None:
    file: Any = kind(path)
    file.update(_comments(tags))
    if tags.cover:
        data = base64.b64encode(_picture(tags.cover).write()).decode()
        file["metadata_block_picture"] = data
    file.save()


def _write_m4a(path: Path, tags: Tags) -> None:
    file = MP4(path)
    found = {
        "\xa9nam": tags.title,
        "\xa9ART": tags.artist,
        "\xa9alb": tags.album,
        "\xa9day": tags.date,
    }
    file.update({key: [text] for key, text in found.items() if text})
    if numbers := _numbers(tags.track or ""):
        file["trkn"] = [numbers]
    if cover := tags.cover:
        png = cover.mime == "image/png"
        kind = MP4Cover.FORMAT_PNG if png else MP4Cover.FORMAT_JPEG
        file["covr"] = [MP4Cover(cover.data, kind)]
    file.save()


def _numbers(track: str) -> tuple[int, int] | None:
    """Read `3` or `3/12`; MP4 holds 16 bits of each."""
    number, _, total = (part.strip() for part in track.partition("/"))
    found = [int(part) if part.isdecimal() else 0 for part in (number, total)]
    return (found[0], found[1]) if 0 < found[0] < 65536 and found[1] < 65536 else None


_WRITERS: Mapping[str, Callable[[Path, Tags], None]] = {
    "wav": _write_wav,
    "flac": _write_flac,
    "mp3": _write_mp3,
    "ogg": lambda path, tags: _write_ogg(OggVorbis, path, tags),
    "opus": lambda path, tags: _write_ogg(OggOpus, path, tags),
    "m4a": _write_m4a,
}
