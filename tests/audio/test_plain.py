"""Plain WAV clips are read without FFmpeg's packets, and give what FFmpeg gives."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

from neuralib.audio import decode as module
from neuralib.audio.container import open_audio
from neuralib.audio.decode import decode, open_recording
from neuralib.audio.plain import is_plain
from neuralib.errors import NoAudio
from tests.audio.splits import join
from tests.audio_files import Samples, noise, wav_bytes, write_wav

DATA = b"data" + struct.pack("<I", 4) + b"abcd"
LIST = b"LIST" + struct.pack("<I", 4) + b"INFO"
SAMPLES = noise(30_000)
RF64 = b"RF64\xff\xff\xff\xffWAVEds64" + struct.pack("<IQQQI", 28, 120_072, 60_000, 15_000, 0)
"""Says that there are half as many samples as the size of 32 bits does, which FFmpeg leaves."""


def is_plain_file(path: Path) -> bool:
    with open_audio(path) as source:
        return is_plain(source)


def by_ffmpeg(path: Path, channels: int, monkeypatch: pytest.MonkeyPatch) -> Samples:
    with monkeypatch.context() as patch:
        patch.setattr(module, "is_plain", lambda source: False)
        return join(decode(path), channels)


@pytest.mark.parametrize("channels", [1, 2, 3, 6, 8])
@pytest.mark.parametrize("frames", [1, 2048, 30_001])
@pytest.mark.parametrize("block_frames", [1000, 65536])
def test_samples_are_those_of_ffmpeg(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, channels: int, frames: int, block_frames: int
) -> None:
    path = write_wav(tmp_path / "a.wav", noise(frames, channels=channels, amplitude=0.5))
    assert is_plain_file(path)
    blocks = list(decode(path, block_frames=block_frames))
    assert [block.shape[1] for block in blocks[:-1]] == [block_frames] * (len(blocks) - 1)
    assert all(block.flags.c_contiguous and block.flags.writeable for block in blocks)
    expected = by_ffmpeg(path, channels, monkeypatch)
    np.testing.assert_array_equal(np.concatenate(blocks, axis=1), expected)


def test_chunks_around_the_samples_are_left_out(tmp_path: Path) -> None:
    whole = wav_bytes(SAMPLES, trailing=LIST)
    path = tmp_path / "a.wav"
    path.write_bytes(whole[:12] + LIST + whole[12:])
    assert is_plain_file(path)
    decoded = join(decode(path), 2)
    np.testing.assert_array_equal(decoded, np.rint(SAMPLES * 2**15) / np.float32(2**15))


@pytest.mark.parametrize(
    "content",
    [
        wav_bytes(SAMPLES, kind="s24"),
        wav_bytes(SAMPLES, kind="f32"),
        wav_bytes(SAMPLES, declared=0),
        wav_bytes(SAMPLES, declared=0xFFFFFFFF),
        wav_bytes(SAMPLES, declared=119_996, trailing=bytes(10)),
        wav_bytes(SAMPLES, declared=119_998),
        wav_bytes(SAMPLES)[:-2],
        wav_bytes(SAMPLES, trailing=DATA),
        wav_bytes(noise(400_000)),
        RF64 + wav_bytes(SAMPLES)[12:],
    ],
    ids=["24 bits", "float", "open", "open too", "goes on", "half", "cut", "two", "long", "RF64"],
)
def test_what_is_odd_is_left_to_ffmpeg(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(content)
    assert not is_plain_file(path)


def test_a_clip_that_is_emptied_while_it_is_read_is_told(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "a.wav", SAMPLES)
    with open_recording(path) as recording:
        with open(path, "r+b") as file:
            file.truncate(44)
        with pytest.raises(NoAudio, match="not one sample"):
            list(recording.blocks)


def test_a_clip_that_is_cut_off_while_it_is_read_gives_what_is_left(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "a.wav", SAMPLES)
    with open_recording(path, block_frames=8192) as recording:
        with open(path, "r+b") as file:
            file.truncate(44 + 4 * 10_000 + 3)
        assert sum(block.shape[1] for block in recording.blocks) == 10_000
