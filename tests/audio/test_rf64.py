"""A WAV file may be longer than 4 GiB."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from neuralib.audio import encode, tag_file
from neuralib.audio.decode import decode, probe
from neuralib.audio.encode import open_writer
from neuralib.audio.formats import FORMATS
from neuralib.audio.riff import wave_data
from neuralib.audio.sink import Sink
from neuralib.audio.tag_file import write_tags
from neuralib.audio.tags import Cover, Tags, read_tags
from tests.audio_files import noise, png_bytes

TAGS = Tags("Lied", "Söhne", "Album", "2019", "3/12", Cover("image/png", png_bytes() + b"\0"))


@pytest.fixture
def small_rf64(monkeypatch: pytest.MonkeyPatch) -> None:
    wav = replace(FORMATS["wav"], container_options={"rf64": "always"})
    monkeypatch.setattr(encode, "FORMATS", {**FORMATS, "wav": wav})


@pytest.fixture
def sparse(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave holes in files where silence is written, which costs no room."""
    write: Callable[[Sink, bytes], int] = Sink.write

    def skip(sink: Sink, data: bytes) -> int:
        if np.frombuffer(data, np.uint8).any():
            return write(sink, data)
        sink.seek(len(data), 1)
        return len(data)

    monkeypatch.setattr(Sink, "write", skip)


@pytest.mark.usefixtures("small_rf64")
@pytest.mark.parametrize(("bits", "frames"), [(16, 5000), (24, 5001), (32, 5001)])
def test_rf64_bears_tags_and_keeps_its_samples(tmp_path: Path, bits: int, frames: int) -> None:
    path = tmp_path / "stem.wav"
    samples = noise(frames, channels=1)
    with open_writer(path, format="wav", sample_rate=44100, channels=1, bit_depth=bits) as writer:
        writer.write(samples)
    plain, _ = soundfile.read(path)
    write_tags(path, "wav", TAGS, "stem.wav")
    assert path.read_bytes()[:4] == b"RF64"
    assert read_tags(path) == TAGS
    tagged, _ = soundfile.read(path)
    assert soundfile.info(path).format == "RF64"
    assert np.array_equal(plain, tagged)
    assert np.concatenate(list(decode(path)), axis=1).shape == samples.shape
    with path.open("rb") as file:
        wave = wave_data(file)
    assert wave is not None
    assert wave.followed_by_chunks
    assert int.from_bytes(path.read_bytes()[20:28], "little") == path.stat().st_size - 8


@pytest.mark.usefixtures("sparse")
def test_a_stem_past_4_gib_is_rf64_that_others_read(tmp_path: Path) -> None:
    path = tmp_path / "stem.wav"
    block = np.zeros((1, 1 << 15), np.float32)
    blocks = 2**32 // block.nbytes + 1
    with open_writer(path, format="wav", sample_rate=48000, channels=1, bit_depth=32) as writer:
        for _ in range(blocks):
            writer.write(block)
        block[:, -1] = 0.5
        writer.write(block)
    frames = (blocks + 1) * block.shape[1]
    write_tags(path, "wav", TAGS, "stem.wav")
    assert path.stat().st_size > 2**32
    info = soundfile.info(path)
    assert (info.format, info.frames, info.channels) == ("RF64", frames, 1)
    with soundfile.SoundFile(path) as file:
        file.seek(frames - 3)
        assert file.read().tolist() == [0.0, 0.0, 0.5]
    assert probe(path).seconds == pytest.approx(frames / 48000)
    assert read_tags(path) == TAGS


def test_tags_never_make_a_riff_file_too_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "stem.wav"
    with open_writer(path, format="wav", sample_rate=44100, channels=1) as writer:
        writer.write(noise(5000, channels=1))
    before = path.read_bytes()
    monkeypatch.setattr(tag_file, "_RIFF_BYTES", 50_000)
    write_tags(path, "wav", TAGS, "stem.wav")
    assert path.read_bytes() == before
    assert "'stem.wav' has no room for tags" in caplog.text
