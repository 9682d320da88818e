"""Stems have the input's shape, or the one that was asked for, and stay in their place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from neuralib.audio.decode import decode
from neuralib.audio.encode import open_writer
from neuralib.errors import UsageError
from neuralib.execute import check
from neuralib.execute.separate import run_separate
from neuralib.execute.sink import FolderSink
from neuralib.execute.source import Source
from neuralib.tasks import SeparateTask
from tests.audio_files import Kind, Samples, click, noise, write_wav
from tests.execute.engines import Gains, alone

ENGINE = Gains(vocals=0.5, drums=0.25)


def separate(
    folder: Path, samples: Samples, rate: int, **options: Any
) -> tuple[dict[str, np.ndarray], int]:
    song = write_wav(folder / "song.wav", samples, rate, "s24")
    with FolderSink(folder / "stems") as sink:
        task = SeparateTask(**options)
        done = run_separate(task, Source(song, "song"), sink, lambda _: None, ENGINE, alone())
    assert done.audio_seconds == samples.shape[1] / rate
    paths = (folder / "stems").iterdir()
    read = {path.stem: soundfile.read(path, always_2d=True) for path in paths}
    return {name: samples.T for name, (samples, _) in read.items()}, read["vocals"][1]


@pytest.mark.parametrize("channels", [1, 2, 6])
@pytest.mark.parametrize("wanted", [None, 1, 2])
def test_channels(tmp_path: Path, channels: int, wanted: int | None) -> None:
    stems, _ = separate(tmp_path, noise(5001, channels=channels), 44100, channels=wanted)
    assert stems["drums"].shape == (wanted or min(channels, 2), 5001)


@pytest.mark.parametrize(
    ("kind", "format", "wanted", "written"),
    [
        ("u8", "wav", None, "PCM_16"),
        ("s16", "wav", None, "PCM_16"),
        ("s16", "flac", None, "PCM_16"),
        ("s24", "wav", None, "PCM_24"),
        ("s24", "flac", None, "PCM_24"),
        ("f32", "wav", None, "FLOAT"),
        ("f32", "flac", None, "PCM_24"),  # all that flac holds
        ("s24", "wav", 16, "PCM_16"),
        ("s16", "wav", 32, "FLOAT"),
        ("s16", "flac", 24, "PCM_24"),
    ],
)
def test_the_bit_depth_is_the_inputs_or_the_one_asked_for(
    tmp_path: Path, kind: Kind, format: str, wanted: int | None, written: str
) -> None:
    song = write_wav(tmp_path / "song.wav", noise(5001), 44100, kind)
    with FolderSink(tmp_path / "stems") as sink:
        task = SeparateTask.model_validate({"format": format, "bit_depth": wanted})
        run_separate(task, Source(song, "song"), sink, lambda _: None, ENGINE, alone())
    info = soundfile.info(tmp_path / "stems" / f"drums.{format}")
    assert (info.subtype, info.samplerate, info.frames) == (written, 44100, 5001)


@pytest.mark.parametrize("rate", [8000, 44100, 48000, 96000])
@pytest.mark.parametrize("wanted", [None, 22050, 48000])
def test_a_click_keeps_its_place_at_any_rate(tmp_path: Path, rate: int, wanted: int | None) -> None:
    frames, at = rate + 7, rate // 2
    mix = click(frames, at)
    stems, written = separate(tmp_path, mix, rate, sample_rate=wanted, residual=True)
    assert written == (wanted or rate)
    for name in ("vocals", "drums", "residual"):
        assert stems[name].shape == (2, round(frames * written / rate)), name
        assert abs(int(np.abs(stems[name][0]).argmax()) - at * written / rate) <= 0.5, name


@pytest.mark.parametrize("format", ["mp3", "ogg", "opus", "m4a"])
@pytest.mark.parametrize("channels", [1, 2])
def test_stems_of_a_lossy_input_lie_on_what_players_play(
    tmp_path: Path, format: str, channels: int
) -> None:
    frames = 48_000 + 123
    song = tmp_path / f"song.{format}"
    with open_writer(song, format=format, sample_rate=48_000, channels=channels) as writer:
        writer.write(noise(frames, channels=channels, amplitude=0.5))
    played = np.concatenate(list(decode(song)), axis=1)
    assert played.shape == (channels, frames)
    with FolderSink(tmp_path / "stems") as sink:
        engine = Gains(vocals=0.5)
        run_separate(SeparateTask(), Source(song, "song"), sink, lambda _: None, engine, alone())
    stem, rate = soundfile.read(tmp_path / "stems" / "vocals.wav", always_2d=True)
    assert (rate, stem.shape) == (48_000, (frames, channels))
    inner = slice(100, -100)  # the rate of the model and back leaves out what is above both
    assert lag(stem.T[:, inner], 0.5 * played[:, inner]) == 0


def lag(found: Samples, expected: Samples) -> int:
    """By how many samples `found` is late."""
    size = 2 * expected.shape[1]
    spectra = np.fft.rfft(found[0], size) * np.conj(np.fft.rfft(expected[0], size))
    at = int(np.fft.irfft(spectra).argmax())
    return at if at < size // 2 else at - size


def test_stems_and_residual_null_at_another_rate(tmp_path: Path) -> None:
    """A resampler is linear: what was one before it adds up behind it."""
    mix = noise(48_000, channels=1)
    low = np.fft.rfft(mix)
    low[:, 8000:] = 0  # what both rates hold
    mix = np.fft.irfft(low).astype(np.float32)
    stems, _ = separate(tmp_path, mix, 48000, sample_rate=44100, residual=True)
    total = sum(stems.values())
    expected = np.fft.irfft(np.fft.rfft(mix)[:, :22051], 44100) * 44100 / 48000
    inner = slice(2000, -2000)  # the transform takes the sound for a circle
    assert np.abs(total - expected)[:, inner].max() < 10 ** (-90 / 20)


@pytest.mark.parametrize(
    ("format", "rate", "message"),
    [
        ("opus", 44100, "opus holds sample rates of 48000 Hz, got 44100"),
        ("mp3", 96000, "mp3 holds sample rates of 8000, .*48000 Hz, got 96000"),
        ("ogg", 384_000, "ogg holds sample rates from 8000 to 192000 Hz, got 384000"),
    ],
)
def test_a_rate_that_the_format_cannot_hold_is_refused(
    format: str, rate: int, message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        check(SeparateTask.model_validate({"format": format, "sample_rate": rate}))
    check(SeparateTask.model_validate({"format": format, "sample_rate": 48000}))
