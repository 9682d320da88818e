"""WAV files that hold another codec than their header says, as rips of DTS discs do."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from neuralib.audio.coded import PROBED_BYTES, may_be_coded
from neuralib.audio.decode import decode, probe
from neuralib.audio.riff import wave_data
from tests.audio_files import noise, tone, wav_bytes, write_lossy, write_wav

DTS = {
    "16 bits": bytes.fromhex("7ffe8001fc3c6ff0a26001380003ef7fe006"),
    "14 bits": bytes.fromhex("1fffe80007f0fc6ffc28e60004e00003fbdf"),
}
"""The header of a frame of 1792 bytes."""

CODED = {"ac3": "ac3", "eac3": "eac3", "aac": "adts", "libmp3lame": "mp3", "mp2": "mp2"}


def in_wave(path: Path, data: bytes) -> Path:
    samples = np.frombuffer(data, "<i2", len(data) // 4 * 2).reshape(-1, 2).T
    return write_wav(path, samples / 2**15)


@pytest.mark.parametrize("name", DTS)
@pytest.mark.parametrize("swapped", [False, True])
@pytest.mark.parametrize("offset", [0, 1000, 3002])
def test_dts_is_found_wherever_its_frames_begin(
    tmp_path: Path, name: str, swapped: bool, offset: int
) -> None:
    header, random = DTS[name], np.random.default_rng(0)
    # FFmpeg takes for DTS what has as many headers, whatever is between them.
    coded = b"".join(header + random.bytes(1792 - len(header)) for _ in range(100))
    if swapped:
        coded = np.frombuffer(coded, np.uint16).byteswap().tobytes()
    path = in_wave(tmp_path / "a.wav", random.bytes(offset) + coded)
    assert probe(path).codec == "dts"


@pytest.mark.parametrize("codec", CODED)
def test_other_codecs_are_found_at_the_start(tmp_path: Path, codec: str) -> None:
    coded = write_lossy(
        tmp_path / "a", noise(88200), 44100, codec=codec, container=CODED[codec]
    ).read_bytes()
    path = in_wave(tmp_path / "a.wav", coded)
    assert probe(path).codec == codec.removeprefix("libmp3").replace("lame", "mp3")


@pytest.mark.parametrize("amplitude", [0.0, 1e-4, 0.01, 0.3])
def test_music_is_not_taken_for_it(amplitude: float) -> None:
    found = 0
    for seed in range(20):
        samples = tone(1.0, amplitude=amplitude) + noise(44100, seed=seed, amplitude=amplitude / 5)
        found += may_be_coded(wav_bytes(samples)[44 : 44 + PROBED_BYTES])
    assert found <= 1


@pytest.mark.parametrize("frames", [1, 2047, 2048, 2049, 30_000, 200_000])
def test_clips_of_any_length_are_exact(tmp_path: Path, frames: int) -> None:
    samples = np.rint(noise(frames) * 2**15).astype(np.float32) / np.float32(2**15)
    path = write_wav(tmp_path / "a.wav", samples)
    np.testing.assert_array_equal(np.concatenate(list(decode(path)), axis=1), samples)


@pytest.mark.parametrize("data", [b"", b"\0", b"\x0b", b"\0" * 65536])
def test_next_to_nothing_is_not_taken_for_it(data: bytes) -> None:
    assert not may_be_coded(data)


def test_the_header_tells_where_the_samples_begin(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "a.wav", tone(0.1))
    with open(path, "rb") as file:
        wave = wave_data(file)
    assert wave is not None
    assert (wave.start, wave.is_pcm_16) == (44, True)
    with open(write_wav(path, tone(0.1), kind="s24"), "rb") as file:
        wave = wave_data(file)
    assert wave is not None
    assert not wave.is_pcm_16
