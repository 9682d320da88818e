from __future__ import annotations

import http.server
import logging
import os
import re
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neuralib.audio.decode import decode, probe
from neuralib.audio.encode import open_writer
from neuralib.errors import DecodeError, InputError, InputNotFound, NoAudio
from tests.audio.splits import join
from tests.audio_files import (
    BAD_INPUTS,
    cut,
    make_bad_input,
    noise,
    tone,
    wav_bytes,
    write_flac,
    write_lossy,
    write_wav,
)


def drain(path: Path) -> int:
    return sum(block.shape[1] for block in decode(path))


@pytest.mark.parametrize("name", BAD_INPUTS)
def test_each_gives_its_own_error_on_one_line(tmp_path: Path, name: str) -> None:
    path, error = make_bad_input(name, tmp_path)
    with pytest.raises(error) as raised:
        drain(path)
    assert type(raised.value) is error
    assert repr(str(path)) in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_newline_in_a_name_does_not_break_the_line(tmp_path: Path) -> None:
    with pytest.raises(InputNotFound, match=r"new\\nline\.wav") as raised:
        probe(tmp_path / "new\nline.wav")
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("second", [0.0, 0.25, 1.9999])
def test_says_where_a_sample_is_not_a_number(tmp_path: Path, second: float) -> None:
    samples = tone(2.0, rate=10_000)
    samples[1, int(second * 10_000)] = np.nan
    path = write_wav(tmp_path / "song.wav", samples, 10_000, "f32")
    with pytest.raises(DecodeError, match=rf"not a number at {second:.3f} s"):
        drain(path)


def test_a_double_too_large_for_a_float_is_infinite(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "song.wav", np.full((1, 10), 1e300), kind="f64")
    with pytest.raises(DecodeError, match="infinite"):
        drain(path)


@pytest.mark.parametrize("part", [0.1, 0.5, 0.9, 0.999])
def test_a_truncated_flac_says_how_much_is_there(tmp_path: Path, part: float) -> None:
    path = cut(write_flac(tmp_path / "song.flac", noise(88_200)), part)
    with pytest.raises(DecodeError, match=r"gives [01]\.\d\d s of the 2\.00 s.*get a whole copy"):
        drain(path)


def test_a_flac_with_a_hole_is_refused(tmp_path: Path) -> None:
    path = write_flac(tmp_path / "song.flac", noise(88_200))
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 3000] = bytes(3000)
    path.write_bytes(content)
    with pytest.raises(DecodeError, match="is damaged"):
        drain(path)


# Lying headers


def write_lie(path: Path, declared: int, trailing: bytes = b"") -> Path:
    path.write_bytes(wav_bytes(tone(1.0), declared=declared, trailing=trailing))
    return path


@pytest.mark.parametrize("declared", [2 * 176_400, 0x7FFFF000])
def test_a_wav_that_promises_more_gives_what_it_has(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, declared: int
) -> None:
    path = write_lie(tmp_path / "song.wav", declared)
    assert drain(path) == 44_100
    (record,) = caplog.records
    assert f"gives 1.00 s of the {declared / 176_400:.2f} s" in record.getMessage()
    assert repr(str(path)) in record.getMessage()


@pytest.mark.parametrize("declared", [0, 0xFFFFFFFF])
def test_a_wav_without_a_length_is_read_to_its_end(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, declared: int
) -> None:
    path = write_lie(tmp_path / "song.wav", declared)
    assert drain(path) == 44_100
    assert probe(path).seconds == pytest.approx(1.0)
    assert caplog.records == []


def test_a_wav_that_goes_on_is_read_as_announced(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = write_lie(tmp_path / "song.wav", 88_200)
    assert drain(path) == 22_050
    (record,) = caplog.records
    assert "88200 bytes are left out" in record.getMessage()


def test_chunks_after_the_samples_are_no_lie(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = write_lie(tmp_path / "song.wav", 176_400, b"junk" + struct.pack("<I", 3) + b"odd")
    assert drain(path) == 44_100
    assert caplog.records == []


def test_no_samples_before_chunks_are_no_audio(tmp_path: Path) -> None:
    path = tmp_path / "song.wav"
    chunk = b"LIST" + struct.pack("<I", 400) + bytes(400)
    path.write_bytes(wav_bytes(np.zeros((2, 0)), trailing=chunk))
    with pytest.raises(NoAudio, match="not one sample"):
        drain(path)


def test_a_second_pass_need_not_warn(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = write_lie(tmp_path / "song.wav", 0x7FFFF000)
    assert sum(block.shape[1] for block in decode(path, warn=False)) == 44_100
    assert caplog.records == []


# Damage that players play over


def test_damaged_packets_are_skipped(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "song.mp3"
    write_lossy(path, noise(44_100), 44_100, codec="libmp3lame", container="mp3")
    # The second header is no audio, and stands where audio should be.
    path.write_bytes(2 * path.read_bytes())
    assert drain(path) == pytest.approx(2 * 44_100, rel=0.1)
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert "is damaged; packets skipped: 1, the first at 1.0" in record.getMessage()


def test_a_hole_makes_a_lossy_song_shorter(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "song.mp3"
    write_lossy(path, noise(5 * 44_100), 44_100, codec="libmp3lame", container="mp3")
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 5000] = bytes(5000)
    path.write_bytes(content)
    assert 4.0 * 44_100 < drain(path) < 4.9 * 44_100
    (record,) = caplog.records
    assert re.search(r"of the 5\.0\d s that its header promises", record.getMessage())


@pytest.mark.parametrize("format", ["mp3", "aiff"])
def test_a_truncated_song_plays_as_far_as_it_goes(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, format: str
) -> None:
    codec = {"mp3": "libmp3lame", "aiff": "pcm_s16be"}[format]
    path = tmp_path / f"song.{format}"
    cut(write_lossy(path, noise(3 * 44_100), 44_100, codec=codec, container=format), 0.5)
    assert 1.3 * 44_100 < drain(path) < 1.7 * 44_100
    (record,) = caplog.records
    assert re.search(r"of the 3\.0\d s that its header promises", record.getMessage())


# Files that may not be read, and what is not a file


@contextmanager
def unprivileged() -> Iterator[None]:
    """Become nobody where the tests run as root, who may read everything."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def test_no_permission(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "song.wav", tone(0.1))
    path.chmod(0)
    with unprivileged(), pytest.raises(InputNotFound, match="no permission to read"):
        probe(path)


@pytest.mark.parametrize("path", [Path("/dev/zero"), Path("/dev/stdin")])
def test_devices_are_not_read(path: Path) -> None:
    if not path.exists() or path.is_file():
        pytest.skip(f"{path} is no device here")
    with pytest.raises(InputNotFound, match="device or a pipe"):
        probe(path)


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "pipe.wav"
    os.mkfifo(path)
    with pytest.raises(InputNotFound, match="standard input"):
        probe(path)


@pytest.mark.parametrize("name", ["nul\0byte.wav", "x" * 5000 + ".wav"])
def test_impossible_names(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputNotFound):
        probe(tmp_path / name)


# Files that name other files


@contextmanager
def web_server(content: bytes) -> Iterator[tuple[str, list[str]]]:
    """A web server that remembers what it was asked for."""
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/song.mp3", asked
        server.shutdown()
        thread.join()


PLAYLISTS = {
    "hls.m3u8": "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n{}\n"
    "#EXT-X-ENDLIST\n",
    "concat.txt": "ffconcat version 1.0\nfile '{}'\n",
    "concat.wav": "ffconcat version 1.0\nfile '{}'\n",
    "dash.mpd": '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static">'
    '<Period><AdaptationSet mimeType="audio/mp4"><Representation id="1" bandwidth="1">'
    "<BaseURL>{}</BaseURL></Representation></AdaptationSet></Period></MPD>",
    "session.sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nu={}\nc=IN IP4 127.0.0.1\nt=0 0\n"
    "m=audio 5004 RTP/AVP 0\n",
    "list.asx": '<asx version="3.0"><entry><ref href="{}"/></entry></asx>',
}


@pytest.mark.parametrize("name", PLAYLISTS)
def test_a_playlist_opens_nothing(tmp_path: Path, name: str) -> None:
    # What it names exists and is audio, so following it would succeed.
    song = tmp_path / "song.mp3"
    write_lossy(song, tone(1.0), 44100, codec="libmp3lame", container="mp3")
    path = tmp_path / name
    with web_server(song.read_bytes()) as (address, asked):
        for target in (song.name, str(song), f"file:{song}", address):
            path.write_text(PLAYLISTS[name].format(target))
            with pytest.raises(DecodeError):
                drain(path)
        assert asked == []


# Anything at all


@pytest.fixture(scope="module")
def good_files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("good")
    paths = []
    for format in ("wav", "flac", "mp3", "ogg", "opus", "m4a"):
        paths.append(folder / f"song.{format}")
        with open_writer(paths[-1], format=format, sample_rate=44100, channels=2) as writer:
            writer.write(noise(20_000))
    return paths


@given(data=st.data())
@settings(deadline=None, max_examples=100)
def test_damage_anywhere_is_an_input_error_or_audio(
    tmp_path_factory: pytest.TempPathFactory, good_files: list[Path], data: st.DataObject
) -> None:
    source = data.draw(st.sampled_from(good_files))
    content = bytearray(source.read_bytes())
    places = st.integers(0, len(content) - 1) | st.integers(0, 200)
    for place in data.draw(st.lists(places, max_size=10)):
        content[place] = data.draw(st.integers(0, 255))
    del content[data.draw(st.just(len(content)) | places) :]
    path = tmp_path_factory.mktemp("damaged") / source.name
    path.write_bytes(content)
    with suppress(InputError):
        channels = probe(path).channels
        assert np.isfinite(join(decode(path, warn=False), channels)).all()


def test_nothing_is_printed(tmp_path: Path) -> None:
    for name in BAD_INPUTS:
        make_bad_input(name, tmp_path)
    damaged = write_lossy(
        tmp_path / "damaged.mp3", noise(88_200), 44_100, codec="libmp3lame", container="mp3"
    )
    content = bytearray(damaged.read_bytes())
    content[10_000:20_000] = bytes(10_000)
    damaged.write_bytes(content)
    script = """
import logging, sys
from pathlib import Path
from neuralib.audio.decode import decode
from neuralib.errors import InputError
logging.disable()
for path in Path(sys.argv[1]).iterdir():
    try:
        list(decode(path))
    except InputError:
        pass
"""
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)],
        capture_output=True,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    assert (done.stdout, done.stderr) == (b"", b"")
