"""Stems bear what is known of the mix, for any player; FFmpeg reads here what mutagen wrote."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import av
import mutagen
import numpy as np
import pytest
from mutagen import id3

from neuralib.audio.decode import decode
from neuralib.audio.encode import open_writer
from neuralib.audio.tag_file import write_tags
from neuralib.audio.tags import Cover, Tags, read_tags
from neuralib.errors import OutputError
from neuralib.execute.separate import run_separate
from neuralib.execute.sink import FolderSink
from neuralib.execute.source import Source
from neuralib.tasks import SeparateTask
from tests.audio_files import tone
from tests.execute.engines import Gains, alone

FORMATS = ["wav", "flac", "mp3", "ogg", "opus", "m4a"]


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


PNG = (
    b"\x89PNG\r\n\x1a\n"
    + _chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0))
    + _chunk(b"tEXt", b"Comment\0" + bytes(200_000))  # larger than any padding
    + _chunk(b"IDAT", zlib.compress(b"\0\xff\0\0"))
    + _chunk(b"IEND", b"")
)
TAGS = Tags("Mädchen 音", "Die Söhne", "Größe", "2019-05-03", "3/12", Cover("image/png", PNG))


def make_song(path: Path, format: str, tags: Tags = TAGS) -> Path:
    with open_writer(path, format=format, sample_rate=44100, channels=2) as writer:
        writer.write(tone(1.0))
    write_tags(path, format, tags, path.name)
    return path


def separate(song: Path, folder: Path, **options: object) -> None:
    task = SeparateTask.model_validate(options)
    with FolderSink(folder) as sink:
        engine = Gains(vocals=0.5, drums=1.5)
        run_separate(task, Source(song, "song"), sink, lambda _: None, engine, alone())


def told(path: Path) -> dict[str, str]:
    with av.open(str(path)) as container:
        audio = container.streams.audio[0]
        found = {**container.metadata, **audio.metadata}
        return {key.lower(): value for key, value in found.items()}


def picture(path: Path) -> bytes:
    with av.open(str(path)) as container:
        return bytes(next(container.demux(container.streams.video[0])))


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("clip", ["rescale", "clamp"])
def test_stems_bear_the_tags_of_the_mix(tmp_path: Path, format: str, clip: str) -> None:
    separate(make_song(tmp_path / "song.flac", "flac"), tmp_path / "out", format=format, clip=clip)
    for stem in ("vocals", "drums"):
        path = tmp_path / "out" / f"{stem}.{format}"
        found = told(path)
        assert found["title"] == f"Mädchen 音 ({stem})"
        assert (found["artist"], found["album"]) == ("Die Söhne", "Größe")
        assert (found["date"], found["track"]) == ("2019-05-03", "3/12")
        assert picture(path) == PNG


@pytest.mark.parametrize("format", FORMATS)
def test_tags_change_no_sample(tmp_path: Path, format: str) -> None:
    plain = make_song(tmp_path / "plain", format, Tags())
    tagged = make_song(tmp_path / "tagged", format)
    assert tagged.stat().st_size > plain.stat().st_size + len(PNG) // 2
    first, second = (np.concatenate(list(decode(path)), axis=1) for path in (plain, tagged))
    assert np.array_equal(first, second)


@pytest.mark.parametrize("format", FORMATS)
def test_tags_of_every_format_are_read(tmp_path: Path, format: str) -> None:
    assert read_tags(make_song(tmp_path / "song", format)) == TAGS


@pytest.mark.parametrize("container", ["mp3", "flac", "matroska"])
def test_tags_that_ffmpeg_wrote_are_read(tmp_path: Path, container: str) -> None:
    codec = {"mp3": "libmp3lame"}.get(container, "flac")
    with av.open(str(tmp_path / "song"), "w", container) as file:
        file.metadata.update({"title": "e\u0301te\u0301", "artist": "A\x07B", "track": "7"})
        stream = file.add_stream(codec, 44100, layout="stereo")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 88200), np.int16), "s16", "stereo")
        frame.sample_rate, frame.pts = 44100, 0
        file.mux([*stream.encode(frame), *stream.encode(None)])
    assert read_tags(tmp_path / "song") == Tags(title="été", artist="A B", track="7")


@pytest.mark.parametrize("format", ["flac", "mp3", "opus"])
@pytest.mark.parametrize("stems", FORMATS)
def test_the_gains_of_the_mix_stay_with_it(tmp_path: Path, format: str, stems: str) -> None:
    song = make_song(tmp_path / f"song.{format}", format)
    file = mutagen.File(song)
    for name in ("REPLAYGAIN_TRACK_GAIN", "R128_TRACK_GAIN"):
        text = id3.TXXX(encoding=id3.Encoding.UTF8, desc=name, text="-910")
        file[f"TXXX:{name}" if format == "mp3" else name] = text if format == "mp3" else "-910"
    file.save()
    assert {"replaygain_track_gain", "r128_track_gain"} <= set(told(song))
    separate(song, tmp_path / "out", format=stems)
    found = told(tmp_path / "out" / f"vocals.{stems}")
    assert "title" in found
    assert not any("gain" in key for key in found)


def test_a_mix_without_tags_gives_stems_without(tmp_path: Path) -> None:
    separate(make_song(tmp_path / "song.flac", "flac", Tags()), tmp_path / "out", format="flac")
    assert "title" not in told(tmp_path / "out" / "vocals.flac")


def test_the_same_tags_give_the_same_bytes(tmp_path: Path) -> None:
    for format in FORMATS:
        first, second = (make_song(tmp_path / f"{n}.{format}", format) for n in "12")
        assert first.read_bytes() == second.read_bytes(), format


def test_a_file_that_cannot_be_tagged_is_told(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"cannot write 'vocals\.flac'"):
        write_tags(tmp_path / "none", "flac", TAGS, "vocals.flac")
