from __future__ import annotations

import struct
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile

from neuralib.audio.decode import decode, probe
from neuralib.audio.encode import open_writer
from neuralib.audio.shape import read
from neuralib.errors import NoAudio
from tests.audio.clicks import lateness, write_clicks
from tests.audio.containers import LOSSLESS, LOSSY, Kind, lag, mark, whole, write, write_film
from tests.audio.splits import join
from tests.audio_files import Samples, noise, png_bytes


def each(kinds: tuple[Kind, ...]) -> list[object]:
    return [
        pytest.param(kind, rate, id=f"{kind.name}-{rate}") for kind in kinds for rate in kind.rates
    ]


@pytest.mark.parametrize(("kind", "rate"), each(LOSSLESS))
def test_lossless_audio_is_exact(tmp_path: Path, kind: Kind, rate: int) -> None:
    samples = mark(30_000, 12_345, channels=2)
    path = write(tmp_path / f"song.{kind.suffix}", kind, samples, rate)
    assert np.array_equal(whole(path), samples)
    assert probe(path).sample_rate == rate


@pytest.mark.parametrize(("kind", "rate"), each(LOSSY))
def test_lossy_audio_is_in_its_place(tmp_path: Path, kind: Kind, rate: int) -> None:
    frames = 20_000
    samples = mark(frames, 2345, channels=1 if "amr" in kind.codec else 2)
    path = write(tmp_path / f"song.{kind.suffix}", kind, samples, rate)
    decoded = whole(path)
    assert abs(lag(decoded, samples)) <= kind.off
    assert 0 <= decoded.shape[1] - frames + kind.off <= kind.longer + 2 * kind.off
    assert probe(path).sample_rate == rate


COMPRESSED = [kind for kind in LOSSY + LOSSLESS if not kind.codec.startswith("pcm")]


@pytest.mark.parametrize("kind", COMPRESSED, ids=lambda kind: kind.name)
def test_the_end_is_as_exact_as_the_start(tmp_path: Path, kind: Kind) -> None:
    rate = 44100 if 44100 in kind.rates else kind.rates[-1]
    path = write_clicks(tmp_path / f"song.{kind.suffix}", kind, rate, 30)
    first, last, _ = lateness(decode(path), rate, rate, 30)
    assert abs(first) * rate <= kind.off + 0.1
    # AMR moves a click by what its model of a voice needs.
    assert abs(last - first) * rate < (60 if "amr" in kind.codec else 1.1)
    as_whisper_hears = lateness(read(path, 16_000, 1), 16_000, rate, 30)
    assert as_whisper_hears[:2] == pytest.approx((first, last), abs=0.001)


@pytest.mark.parametrize("format", ["mp3", "ogg", "opus", "m4a"])
@pytest.mark.parametrize("frames", [100, 300, 700, 5000])
def test_very_short_lossy_audio_has_its_length(tmp_path: Path, format: str, frames: int) -> None:
    path = tmp_path / f"song.{format}"
    with open_writer(path, format=format, sample_rate=48000, channels=2) as writer:
        writer.write(mark(frames, frames // 2, channels=2))
    assert whole(path).shape == (2, frames)


def test_songs_one_after_the_other_in_one_ogg_are_whole(tmp_path: Path) -> None:
    content = b""
    for name, frames in (("a.ogg", 40_000), ("b.ogg", 30_000)):
        with open_writer(tmp_path / name, format="ogg", sample_rate=44100, channels=2) as writer:
            writer.write(noise(frames, seed=frames))
        content += (tmp_path / name).read_bytes()
    (tmp_path / "both.ogg").write_bytes(content)
    assert whole(tmp_path / "both.ogg").shape[1] >= 70_000


@pytest.mark.parametrize(
    "kind", [kind for kind in LOSSLESS if kind in COMPRESSED], ids=lambda kind: kind.name
)
def test_the_last_packet_is_whole_however_full(tmp_path: Path, kind: Kind) -> None:
    samples = mark(7 * 4096 + 4000, 12_345, channels=2)
    path = write(tmp_path / f"song.{kind.suffix}", kind, samples, 44100)
    assert np.array_equal(whole(path), samples)


def test_a_caf_that_counts_whole_packets_is_sound(tmp_path: Path) -> None:
    samples = mark(30_000, 12_345, channels=2)
    path = write(tmp_path / "song.caf", Kind("caf", "caf", "alac"), samples, 44100)
    content = bytearray(path.read_bytes())
    table = content.index(b"pakt") + 12
    (packets,) = struct.unpack_from(">q", content, table)
    struct.pack_into(">qii", content, table + 8, packets * 4096, 0, 0)
    path.write_bytes(content)
    assert np.array_equal(whole(path), samples)


# MP3 as it is found


def write_mp3(path: Path) -> tuple[bytes, Samples]:
    samples = mark(50_000, 23_456, channels=2)
    write(path, Kind("mp3", "mp3", "libmp3lame"), samples, 44100)
    return path.read_bytes(), whole(path)


def tag_of(size: int) -> bytes:
    """An ID3 tag with a picture of `size` bytes."""
    picture = b"\0image/png\0\x03\0" + png_bytes().ljust(size, b"\0")
    frame = b"APIC" + struct.pack(">I", len(picture)) + b"\0\0" + picture
    return b"ID3\x03\0\0" + _syncsafe(len(frame)) + frame


def _syncsafe(size: int) -> bytes:
    return bytes(size >> shift & 0x7F for shift in (21, 14, 7, 0))


@pytest.mark.parametrize("size", [1000, 5_000_000])
def test_a_large_tag_moves_nothing(tmp_path: Path, size: int) -> None:
    content, samples = write_mp3(tmp_path / "plain.mp3")
    path = tmp_path / "song.mp3"
    path.write_bytes(tag_of(size) + content)
    assert np.array_equal(whole(path), samples)


@pytest.mark.parametrize("junk", [bytes(3000), noise(1000).tobytes(), b"text" * 500])
def test_junk_before_the_first_frame_moves_nothing(tmp_path: Path, junk: bytes) -> None:
    content, samples = write_mp3(tmp_path / "plain.mp3")
    path = tmp_path / "song.mp3"
    path.write_bytes(junk + content[content.index(b"\xff\xfb") :])
    assert np.array_equal(whole(path), samples)


@pytest.mark.parametrize("frames", [1, 10_000])
def test_a_wrong_length_in_the_header_loses_nothing(tmp_path: Path, frames: int) -> None:
    content, samples = write_mp3(tmp_path / "plain.mp3")
    lying = bytearray(content)
    header = max(content.find(b"Xing"), content.find(b"Info"))
    struct.pack_into(">I", lying, header + 8, frames)
    path = tmp_path / "song.mp3"
    path.write_bytes(lying)
    decoded = whole(path)
    assert np.array_equal(decoded[:, : samples.shape[1]], samples)
    assert decoded.shape[1] - samples.shape[1] < 2 * 1152


def test_frames_of_any_size_without_a_header_are_in_their_place(tmp_path: Path) -> None:
    path, rate = tmp_path / "song.mp3", 44100
    quiet = np.repeat(np.arange(20) % 2, rate)
    samples = noise(20 * rate, channels=1) * quiet.astype(np.float32)
    soundfile.write(path, samples.T, rate, format="MP3", bitrate_mode="VARIABLE")
    content = path.read_bytes()
    header = max(content.find(b"Xing"), content.find(b"Info"))
    path.write_bytes(content[content.index(content[:2], header) :])
    decoded = whole(path)
    parts = [slice(at * rate, (at + 3) * rate) for at in (0, 17)]
    first, last = (lag(decoded[:, part], samples[:, part]) for part in parts)
    assert first == last
    assert 0 <= first <= 1152


# Several streams


@pytest.mark.parametrize("suffix", ["mkv", "mp4"])
def test_each_stream_can_be_read(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"film.{suffix}"
    for number, samples in enumerate(write_film(path), start=1):
        blocks = decode(path, stream=number)
        assert np.array_equal(join(blocks, len(samples)), samples)
        assert probe(path, stream=number).channels == len(samples)
        assert np.array_equal(join(read(path, 48000, 2, stream=number), 2)[:1], samples[:1])


def test_each_stream_of_webm_can_be_read(tmp_path: Path) -> None:
    both = [mark(24_000, 6000, channels=1), mark(36_000, 12_000, channels=2)]
    path = tmp_path / "film.webm"
    with av.open(str(path), "w") as output:
        layouts = ("mono", "stereo")
        streams = [output.add_stream("libopus", rate=48000, layout=layout) for layout in layouts]
        for stream, samples, layout in zip(streams, both, layouts, strict=True):
            interleaved = np.ascontiguousarray(samples.T).reshape(1, -1)
            frame = av.AudioFrame.from_ndarray(interleaved, format="flt", layout=layout)
            frame.sample_rate, frame.pts = 48000, 0
            output.mux([*stream.encode(frame), *stream.encode(None)])
    for number, samples in enumerate(both, start=1):
        decoded = join(decode(path, stream=number), len(samples))
        assert decoded.shape == samples.shape
        assert lag(decoded, samples) == 0


def test_the_default_stream_is_read_unless_another_is_named(tmp_path: Path) -> None:
    path = tmp_path / "film.mkv"
    second = write_film(path)[1]
    assert np.array_equal(whole(path), second)


@pytest.mark.parametrize("number", [0, 3])
def test_a_stream_that_is_not_there_gives_the_list(tmp_path: Path, number: int) -> None:
    path = tmp_path / "film.mkv"
    write_film(path)
    listed = rf"no audio stream {number}; .*1: eng, flac, mono; 2: ger, flac, stereo"
    with pytest.raises(NoAudio, match=listed):
        probe(path, stream=number)
