"""Sample n is heard n / rate seconds after a player has begun, whatever the time stamps are."""

from __future__ import annotations

import logging
import struct
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from neuralib.audio.decode import probe
from neuralib.audio.encode import open_writer
from neuralib.audio.tag_file import write_tags
from neuralib.audio.tags import Cover, Tags
from tests.audio.containers import lag, mark, whole
from tests.audio.films import FILMS, RATE, FilmKind, write_film
from tests.audio_files import Samples, noise, png_bytes

FRAMES = 2 * RATE
each = pytest.mark.parametrize("kind", FILMS, ids=lambda kind: kind.name)
IN_PACKETS = tuple(kind for kind in FILMS if kind.sound != "pcm_s16le")


def sound() -> Samples:
    return mark(FRAMES, 65_432, channels=1)


def late(samples: Samples, seconds: float) -> Samples:
    return np.pad(samples, ((0, 0), (round(seconds * RATE), 0)))


def copied(source: Path, target: Path, waver: int = 0) -> Path:
    """Copy the packets of sound, every other one stamped later, by units of its stream."""
    with av.open(str(source)) as film, av.open(str(target), "w") as output:
        stream = output.add_stream_from_template(film.streams.audio[0])
        for number, packet in enumerate(film.demux(audio=0)):
            if packet.pts is not None:
                packet.pts = packet.dts = packet.pts + waver * (number % 2)
                packet.stream = stream
                output.mux(packet)
    return target


@each
def test_sound_that_begins_later_than_the_film_is_late(tmp_path: Path, kind: FilmKind) -> None:
    path = write_film(tmp_path / f"film.{kind.suffix}", kind, sound(), sound=0.48)
    decoded = whole(path)
    assert abs(lag(decoded, late(sound(), 0.48))) <= kind.off
    assert not np.abs(decoded[:, : round(0.44 * RATE)]).any()
    assert decoded.shape[1] - 2.48 * RATE == pytest.approx(0, abs=2 * kind.off + 1152)
    assert probe(path).seconds == pytest.approx(2.48, abs=0.1)


@each
@pytest.mark.parametrize(("at", "pictures"), [(0.0, 0.0), (0.0, 0.48), (3600.0, 3600.48)])
def test_sound_that_begins_first_begins_at_once(
    tmp_path: Path, kind: FilmKind, at: float, pictures: float
) -> None:
    path = tmp_path / f"film.{kind.suffix}"
    write_film(path, kind, sound(), sound=at, pictures=pictures)
    assert abs(lag(whole(path), sound())) <= max(kind.off, 1152 if at else 0)


@pytest.mark.parametrize("kind", IN_PACKETS, ids=lambda kind: kind.name)
def test_what_follows_lost_packets_stays_in_its_place(
    tmp_path: Path, kind: FilmKind, caplog: pytest.LogCaptureFixture
) -> None:
    path = write_film(tmp_path / f"film.{kind.suffix}", kind, sound(), gap=(0.3, 0.9))
    with caplog.at_level(logging.WARNING):
        decoded = whole(path)
    assert abs(lag(decoded, sound())) <= kind.off
    assert not np.abs(decoded[:, round(0.45 * RATE) : round(0.85 * RATE)]).any()
    assert [record.action for record in caplog.records] == ["input.gaps"]  # type: ignore[attr-defined]


def test_one_lost_packet_is_made_up_for(tmp_path: Path) -> None:
    kind = next(kind for kind in FILMS if kind.suffix == "webm")
    path = write_film(tmp_path / "film.webm", kind, sound(), gap=(0.3, 0.315))
    assert abs(lag(whole(path)[:, 24_000:], sound()[:, 24_000:])) <= kind.off


def test_stamps_that_waver_are_no_gaps(tmp_path: Path) -> None:
    kind = next(kind for kind in FILMS if kind.suffix == "webm")
    film = write_film(tmp_path / "film.webm", kind, sound())
    path = copied(film, tmp_path / "song.webm", waver=12)
    assert np.array_equal(whole(path), whole(film))


@pytest.mark.parametrize("rate", [11_025, 22_050, 44_100])
def test_blocks_of_two_lengths_are_no_gaps(tmp_path: Path, rate: int) -> None:
    strokes = noise(5 * rate, channels=1) * (np.arange(5 * rate) % 9000 < 500)
    with open_writer(tmp_path / "song.ogg", format="ogg", sample_rate=rate, channels=1) as writer:
        writer.write(strokes.astype(np.float32))
    film = copied(tmp_path / "song.ogg", tmp_path / "song.webm")
    assert np.array_equal(whole(film)[:, : 5 * rate], whole(tmp_path / "song.ogg"))


def test_recordings_that_are_joined_follow_each_other(tmp_path: Path) -> None:
    kind = next(kind for kind in FILMS if kind.suffix == "ts")
    parts = [
        write_film(tmp_path / f"{at}.ts", kind, sound(), sound=at, pictures=at).read_bytes()
        for at in (500.0, 20.0, 7000.0)
    ]
    path = tmp_path / "film.ts"
    path.write_bytes(b"".join(parts))
    assert whole(path).shape[1] == pytest.approx(3 * FRAMES, abs=6 * kind.off)


def test_a_damaged_stamp_is_no_silence(tmp_path: Path) -> None:
    kind = next(kind for kind in FILMS if kind.name == "mkv-flac")
    path = write_film(tmp_path / "film.mkv", kind, sound())
    plain, content = whole(path), path.read_bytes()
    stamp = b"\x82" + struct.pack(">h", 960) + b"\x80"  # track 2, milliseconds, key frame
    assert content.count(stamp) == 1
    path.write_bytes(content.replace(stamp, b"\x82" + struct.pack(">h", 32_000) + b"\x80"))
    assert np.array_equal(whole(path), plain)


@pytest.mark.parametrize("covered", [False, True])
def test_a_song_alone_begins_at_once(tmp_path: Path, covered: bool) -> None:
    path = tmp_path / "song.m4a"
    with av.open(str(path), "w", format="ipod") as output:
        stream = output.add_stream("alac", rate=RATE, layout="mono")
        frame = av.AudioFrame.from_ndarray(sound(), "fltp", "mono")
        frame.sample_rate, frame.pts, frame.time_base = RATE, 500 * RATE, Fraction(1, RATE)
        output.mux([*stream.encode(frame), *stream.encode(None)])
    if covered:
        write_tags(path, "m4a", Tags(cover=Cover("image/png", png_bytes())), "song")
    assert np.array_equal(whole(path), sound())
