from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neuralib.audio.decode import AudioInfo, decode, probe
from neuralib.audio.encode import open_writer
from tests.audio.splits import join
from tests.audio_files import (
    AWKWARD_NAMES,
    Kind,
    Samples,
    click,
    noise,
    tone,
    write_flac,
    write_lossy,
    write_wav,
)

DEPTHS: dict[Kind, int] = {"u8": 16, "s16": 16, "s24": 24, "s32": 24, "f32": 32, "f64": 32}


def whole(path: Path) -> Samples:
    return join(decode(path), probe(path).channels)


@pytest.mark.parametrize("kind", DEPTHS)
@pytest.mark.parametrize("channels", [1, 2, 6])
def test_every_kind_of_sample_is_exact(tmp_path: Path, kind: Kind, channels: int) -> None:
    steps = 2.0 ** -(7 if kind == "u8" else 15)
    samples = np.rint(noise(3000, channels=channels) / steps).astype(np.float32) * np.float32(steps)
    samples = samples.clip(-1, 1 - steps)
    path = write_wav(tmp_path / "song.wav", samples, 44100, kind)
    assert np.array_equal(whole(path), samples)
    assert probe(path).bit_depth == DEPTHS[kind]


def test_full_scale_is_one(tmp_path: Path) -> None:
    samples = np.array([[-1.0, 0.0, 0.5]], np.float32)
    for kind in DEPTHS:
        assert np.array_equal(whole(write_wav(tmp_path / "song.wav", samples, kind=kind)), samples)


def test_floats_beyond_full_scale_are_kept(tmp_path: Path) -> None:
    samples = np.array([[3.5, -7.25]], np.float32)
    assert np.array_equal(whole(write_wav(tmp_path / "song.wav", samples, kind="f32")), samples)


@pytest.mark.parametrize(("bits", "depth"), [(16, 16), (24, 24)])
def test_flac_is_exact(tmp_path: Path, bits: int, depth: int) -> None:
    samples = np.rint(noise(10_000) * 2**15).astype(np.float32) / np.float32(2**15)
    path = write_flac(tmp_path / "song.flac", samples, bits=bits)
    assert np.array_equal(whole(path), samples)
    assert probe(path) == AudioInfo(44100, 2, ("FL", "FR"), 10_000 / 44100, "flac", depth)


@given(size=st.integers(1, 30_000))
@settings(deadline=None, max_examples=20)
def test_the_size_of_blocks_does_not_matter(
    tmp_path_factory: pytest.TempPathFactory, size: int
) -> None:
    path = tmp_path_factory.mktemp("decode") / "song.flac"
    write_flac(path, tone(0.5))
    blocks = list(decode(path, block_frames=size))
    assert {block.shape[1] for block in blocks[:-1]} <= {size}
    assert 0 < blocks[-1].shape[1] <= size
    assert np.array_equal(join(blocks, 2), whole(path))
    assert all(block.dtype == np.float32 for block in blocks)


@pytest.mark.parametrize("format", ["mp3", "ogg", "opus"])
def test_lossy_length_and_place_are_exact(tmp_path: Path, format: str) -> None:
    # The delay of the encoder is cut off at the start, and its padding at the end.
    at = 23_456
    samples = click(50_000, at) + noise(50_000, amplitude=1e-3)
    path = tmp_path / f"song.{format}"
    with open_writer(path, format=format, sample_rate=48000, channels=2) as writer:
        writer.write(samples)
    decoded = whole(path)
    assert decoded.shape == samples.shape
    assert list(np.abs(decoded).argmax(axis=1)) == [at, at]
    info = probe(path)
    assert (info.bit_depth, info.sample_rate, info.channels) == (None, 48000, 2)


def test_a_one_sample_file_is_fine(tmp_path: Path) -> None:
    samples = np.array([[0.25], [-0.5]], np.float32)
    assert np.array_equal(whole(write_wav(tmp_path / "song.wav", samples)), samples)


@pytest.mark.parametrize(("rate", "channels"), [(8000, 1), (192000, 2), (48000, 6), (44100, 16)])
def test_rates_and_channels_are_the_files_own(tmp_path: Path, rate: int, channels: int) -> None:
    samples = tone(0.1, rate=rate, channels=channels, hertz=2.0)
    path = write_wav(tmp_path / "song.wav", samples, rate, "f32")
    info = probe(path)
    assert (info.sample_rate, info.channels, info.codec) == (rate, channels, "pcm_f32le")
    assert info.layout == ("",) * channels
    assert info.seconds == pytest.approx(0.1, abs=1e-3)
    assert np.array_equal(whole(path), samples)


def test_layouts_have_names(tmp_path: Path) -> None:
    path = tmp_path / "song.flac"
    with open_writer(path, format="flac", sample_rate=48000, channels=6) as writer:
        writer.write(noise(100, channels=6))
    assert probe(path).layout == ("FL", "FR", "FC", "LFE", "BL", "BR")


def test_eight_planar_channels(tmp_path: Path) -> None:
    path = tmp_path / "song.opus"
    samples = np.concatenate([click(20_000, 2000 * at, channels=1) for at in range(1, 9)])
    with open_writer(path, format="opus", sample_rate=48000, channels=8) as writer:
        writer.write(samples)
    assert list(np.abs(whole(path)).argmax(axis=1)) == [2000 * at for at in range(1, 9)]


def test_a_change_on_the_way_is_converted_back(tmp_path: Path) -> None:
    first = write_lossy(tmp_path / "a.mp3", tone(1.0), 44100, codec="libmp3lame", container="mp3")
    second = write_lossy(
        tmp_path / "b.mp3", tone(1.0, rate=48000), 48000, codec="libmp3lame", container="mp3"
    )
    both = tmp_path / "both.mp3"
    both.write_bytes(first.read_bytes() + second.read_bytes())
    rate, decoded = probe(both).sample_rate, whole(both)
    assert decoded.shape[1] == pytest.approx(2 * rate, rel=0.05)
    for start in (0.3, 1.3):
        part = decoded[0, int(start * rate) : int((start + 0.5) * rate)]
        assert np.abs(np.fft.rfft(part)).argmax() * 2 == pytest.approx(440, abs=4)


@pytest.mark.parametrize("name", AWKWARD_NAMES)
def test_any_name_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    samples = tone(0.1)
    write_wav(tmp_path / name, samples, kind="f32")
    monkeypatch.chdir(tmp_path)
    assert np.array_equal(whole(Path(name)), samples)
    assert np.array_equal(whole(tmp_path / name), samples)


def test_a_name_that_is_not_unicode(tmp_path: Path) -> None:
    path = tmp_path / "caf\udce9.wav"
    try:
        write_wav(path, tone(0.1))
    except (OSError, UnicodeError):
        pytest.skip("this file system takes Unicode names only")
    assert whole(path).shape == (2, 4410)


def test_the_suffix_does_not_matter(tmp_path: Path) -> None:
    path = write_flac(tmp_path / "song.mp3", tone(0.1))
    assert probe(path).codec == "flac"


def test_tags_in_a_wrong_encoding_do_not_matter(tmp_path: Path) -> None:
    # A TIT2 frame that claims UTF-8 and is Latin-1.
    text = b"\x03caf\xe9"
    frame = b"TIT2" + len(text).to_bytes(4, "big") + b"\0\0" + text
    tag = b"ID3\x03\0\0" + bytes([0, 0, 0, len(frame)]) + frame
    plain = write_lossy(tmp_path / "a.mp3", tone(0.5), 44100, codec="libmp3lame", container="mp3")
    tagged = tmp_path / "b.mp3"
    tagged.write_bytes(tag + plain.read_bytes())
    assert probe(tagged).codec == "mp3"


def test_a_wav_that_holds_compressed_sound_is_not_taken_for_noise(tmp_path: Path) -> None:
    coded = tmp_path / "a.ac3"
    write_lossy(coded, noise(88200), 44100, codec="ac3", container="ac3")
    coded_bytes = coded.read_bytes()
    data = np.frombuffer(coded_bytes, np.int16, len(coded_bytes) // 4 * 2).reshape(-1, 2).T
    path = write_wav(tmp_path / "a.wav", data / 2**15)
    assert probe(path).codec == "ac3"


def test_good_files_warn_of_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        for format in ("wav", "flac", "mp3", "ogg", "opus", "m4a"):
            path = tmp_path / f"song.{format}"
            with open_writer(path, format=format, sample_rate=44100, channels=2) as writer:
                writer.write(noise(60_000))
            whole(path)
    assert caplog.records == []


def test_stopping_early_closes_the_file(tmp_path: Path) -> None:
    # An open handle would be a ResourceWarning, and warnings are errors.
    blocks = decode(write_wav(tmp_path / "song.wav", tone(1.0)), block_frames=100)
    next(blocks)
    blocks.close()  # type: ignore[attr-defined]
