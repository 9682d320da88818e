from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from neuralib.audio.decode import decode, probe
from neuralib.audio.encode import check_encoder, open_writer
from neuralib.audio.formats import FORMATS
from neuralib.audio.resample import resample
from neuralib.errors import EncoderMissing, InternalError, OutputError, UsageError
from neuralib.tasks import AudioFormat
from tests.audio.splits import cuts, join, split
from tests.audio_files import Samples, noise, tone

ROOT = Path(__file__).parents[2]

LOSSLESS = [("wav", 16), ("wav", 24), ("wav", 32), ("flac", 16), ("flac", 24)]
LOSSY = ["mp3", "ogg", "opus", "m4a"]
ALL = [*LOSSLESS, *((name, None) for name in LOSSY)]


def write(
    path: Path,
    samples: Samples,
    rate: int,
    format: str,
    depth: int | None = None,
    lengths: tuple[int, ...] = (),
    label: str | None = None,
) -> Path:
    with open_writer(
        path,
        format=format,
        sample_rate=rate,
        channels=len(samples),
        bit_depth=depth,
        label=label,
    ) as writer:
        for block in split(samples, lengths):
            writer.write(block)
    return path


def read(path: Path) -> Samples:
    return join(decode(path), probe(path).channels)


def stepped(frames: int, channels: int, bits: int) -> Samples:
    scale = np.float32(2 ** (bits - 1))
    return np.rint(noise(frames, channels=channels) * scale) / scale


def test_every_format_of_the_task_is_there() -> None:
    assert tuple(FORMATS) == AudioFormat.__args__  # type: ignore[attr-defined]


# What is written comes back


@pytest.mark.parametrize(("format", "depth"), LOSSLESS)
@pytest.mark.parametrize("channels", [1, 2, 6])
@pytest.mark.parametrize("rate", [8000, 44100, 192000])
def test_lossless_is_exact(
    tmp_path: Path, format: str, depth: int, channels: int, rate: int
) -> None:
    samples = stepped(9999, channels, min(depth, 24))
    path = write(tmp_path / "result.part", samples, rate, format, depth)
    info = probe(path)
    assert (info.sample_rate, info.channels, info.bit_depth) == (rate, channels, depth)
    assert np.array_equal(read(path), samples)


def test_floats_are_written_bit_by_bit(tmp_path: Path) -> None:
    samples = np.array([[1e-38, 3.5, -1e6, 1e-45, -0.0]], np.float32)
    path = write(tmp_path / "result.part", samples, 44100, "wav", 32)
    assert read(path).tobytes() == samples.tobytes()


@pytest.mark.parametrize(("format", "depth"), ALL)
def test_any_player_reads_it(tmp_path: Path, format: str, depth: int | None) -> None:
    path = write(tmp_path / f"result.{format}", tone(1.0), 44100, format, depth)
    if format == "m4a":
        with av.open(str(path)) as container:
            assert container.format.name.startswith("mov")
            assert container.duration == pytest.approx(1_000_000, abs=100)
        return
    samples, rate = soundfile.read(path)
    assert samples.shape == (rate, 2)
    assert np.abs(np.fft.rfft(samples[:, 0])).argmax() == 440


@pytest.mark.parametrize("format", LOSSY)
@pytest.mark.parametrize("rate", [8000, 44100, 192000])
@pytest.mark.parametrize("channels", [1, 2])
def test_lossy_is_aligned(tmp_path: Path, format: str, rate: int, channels: int) -> None:
    samples = noise(2 * rate + 17, channels=channels)
    path = write(tmp_path / f"result.{format}", samples, rate, format)
    written = probe(path).sample_rate
    expected = join(resample([samples], rate, written), channels)
    decoded = read(path)
    # FFmpeg does not cut AAC's last packet off.
    surplus = decoded.shape[1] - expected.shape[1]
    assert 0 <= surplus < (1024 if format == "m4a" else 1)
    padded = np.pad(expected, ((0, 0), (0, surplus)))
    match = np.fft.irfft(np.fft.rfft(decoded) * np.conj(np.fft.rfft(padded)))
    assert list(match.argmax(axis=1)) == [0] * channels


@pytest.mark.parametrize("format", LOSSY)
def test_lossy_is_good(tmp_path: Path, format: str) -> None:
    samples = tone(2.0, rate=48000) + noise(96_000, amplitude=0.01)
    decoded = read(write(tmp_path / f"result.{format}", samples, 48000, format))
    error = decoded[:, 4800:91_200] - samples[:, 4800:91_200]
    assert 20 * np.log10(samples.std() / error.std()) > 25


@pytest.mark.parametrize(
    ("format", "rate", "written"),
    [
        ("mp3", 44100, 44100),
        ("mp3", 44056, 44100),
        ("mp3", 192000, 48000),
        ("mp3", 4000, 8000),
        ("m4a", 192000, 96000),
        ("m4a", 88200, 88200),
        ("opus", 44100, 48000),
        ("ogg", 44056, 44056),
        ("ogg", 384000, 192000),
        ("flac", 44056, 44056),
        ("wav", 384000, 384000),
    ],
)
def test_a_rate_that_does_not_fit_is_changed(
    tmp_path: Path, format: str, rate: int, written: int
) -> None:
    path = write(tmp_path / f"result.{format}", tone(0.5, rate=rate), rate, format)
    assert probe(path).sample_rate == written


@pytest.mark.parametrize("format", LOSSY)
def test_one_sample_at_a_high_rate_is_a_file_with_audio(tmp_path: Path, format: str) -> None:
    path = write(tmp_path / f"result.{format}", tone(1.0, rate=192_000)[:, :1], 192_000, format)
    assert read(path).shape[1] >= 1


# The same samples give the same bytes


@given(lengths=cuts, chosen=st.sampled_from(ALL), rate=st.sampled_from([44100, 37800]))
@settings(deadline=None, max_examples=40)
def test_the_blocks_do_not_matter(
    tmp_path_factory: pytest.TempPathFactory,
    lengths: list[int],
    chosen: tuple[str, int | None],
    rate: int,
) -> None:
    folder = tmp_path_factory.mktemp("bytes")
    samples = noise(9000)
    whole = write(folder / "whole", samples, rate, *chosen)
    parts = write(folder / "parts", samples, rate, *chosen, tuple(lengths))
    assert whole.read_bytes() == parts.read_bytes()


def test_another_process_writes_the_same(tmp_path: Path) -> None:
    script = """
import sys
from pathlib import Path
from tests.audio.test_encode import ALL, write
from tests.audio_files import noise
for format, depth in ALL:
    write(Path(sys.argv[1]) / f"{format}{depth}", noise(9000), 44100, format, depth)
"""
    folders = [tmp_path / "first", tmp_path / "second"]
    for folder in folders:
        folder.mkdir()
        subprocess.run([sys.executable, "-c", script, str(folder)], check=True, cwd=ROOT)
    for format, depth in ALL:
        first, second = ((folder / f"{format}{depth}").read_bytes() for folder in folders)
        assert first == second, format


# Wrong use and bad luck


@pytest.mark.parametrize(("format", "depth"), ALL)
def test_what_is_installed_can_write(format: str, depth: int | None) -> None:
    check_encoder(format, depth)


@pytest.mark.parametrize(
    ("format", "depth", "message"),
    [
        ("aif", None, "unknown format 'aif'; formats are wav, flac"),
        ("flac", 32, "flac cannot have a bit depth of 32; it has 16, 24"),
        ("wav", 8, "wav cannot have a bit depth of 8; it has 16, 24, 32"),
    ],
)
def test_wrong_formats_are_told(format: str, depth: int | None, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        check_encoder(format, depth)


def test_lossy_formats_do_not_look_at_the_depth() -> None:
    check_encoder("mp3", 16)


def test_too_many_channels_are_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="mp3 is written with 1 to 2 channels, got 6"):
        open_writer(tmp_path / "result", format="mp3", sample_rate=44100, channels=6)
    assert not list(tmp_path.iterdir())


def test_a_missing_library_is_told() -> None:
    script = """
import sys
sys.modules["soundfile"] = None
from neuralib.audio.encode import check_encoder
check_encoder("ogg", None)
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, check=False, cwd=ROOT
    )
    last = done.stderr.decode().splitlines()[-1]
    assert last.startswith(f"{EncoderMissing.__module__}.{EncoderMissing.__name__}: ogg cannot")
    assert "pip install --force-reinstall soundfile" in last


def test_clipping_is_told_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    samples = np.array([[0.5, 1.0, 1.5, -2.0]], np.float32)
    with open_writer(
        tmp_path / "x", format="wav", sample_rate=44100, channels=1, label="vocals.wav"
    ) as writer:
        writer.write(samples)
        writer.write(samples)
    (record,) = caplog.records
    assert record.getMessage().startswith("'vocals.wav': 4 of 8 samples are louder")
    assert "--bit-depth 32" in record.getMessage()


@pytest.mark.parametrize(("format", "depth"), [("wav", 32), *((name, None) for name in LOSSY)])
def test_floats_are_not_clipped(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, format: str, depth: int | None
) -> None:
    samples = tone(1.0, amplitude=2.0)
    decoded = read(write(tmp_path / f"result.{format}", samples, 44100, format, depth))
    assert np.abs(decoded).max() > 1.9
    assert caplog.records == []


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_samples_that_are_not_finite_are_refused(tmp_path: Path, bad: float) -> None:
    with (
        pytest.raises(InternalError, match="infinite or not numbers"),
        open_writer(tmp_path / "x", format="wav", sample_rate=44100, channels=1) as writer,
    ):
        writer.write(np.array([[0.0, bad]], np.float32))


def test_another_number_of_channels_is_refused(tmp_path: Path) -> None:
    with (
        pytest.raises(InternalError, match="for 1 channels"),
        open_writer(tmp_path / "x", format="wav", sample_rate=44100, channels=1) as writer,
    ):
        writer.write(noise(5, channels=2))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no full device")
@pytest.mark.parametrize(("format", "depth"), ALL)
@pytest.mark.parametrize("frames", [100, 300_000])
def test_a_full_disk_is_told(
    format: str, depth: int | None, frames: int, capfd: pytest.CaptureFixture[str]
) -> None:
    handles = len(os.listdir("/proc/self/fd"))
    with pytest.raises(OutputError, match=r"'song'.*No space left on device; free some space"):
        write(Path("/dev/full"), noise(frames), 44100, format, depth, label="song")
    assert len(os.listdir("/proc/self/fd")) == handles
    assert capfd.readouterr().err == ""


def test_a_missing_folder_and_a_folder_in_the_way_are_told(tmp_path: Path) -> None:
    for path, message in ((tmp_path / "no" / "x", "No such file"), (tmp_path, "a folder has")):
        for format in ("wav", "ogg"):
            with pytest.raises(OutputError, match=message):
                open_writer(path, format=format, sample_rate=44100, channels=2)


@pytest.mark.parametrize("format", FORMATS)
def test_an_interrupted_run_closes_its_file(tmp_path: Path, format: str) -> None:
    def interrupted() -> None:
        with open_writer(tmp_path / "x", format=format, sample_rate=44100, channels=2) as writer:
            writer.write(noise(50_000))
            raise KeyboardInterrupt

    # An open handle would be a ResourceWarning, and warnings are errors.
    with pytest.raises(KeyboardInterrupt):
        interrupted()


@pytest.mark.parametrize("format", FORMATS)
def test_nothing_to_write_is_no_crash(tmp_path: Path, format: str) -> None:
    path = write(tmp_path / "x", noise(0), 44100, format)
    assert path.exists()


def test_a_wav_leaves_room_to_pass_four_gibibytes(tmp_path: Path) -> None:
    content = write(tmp_path / "x", noise(10), 44100, "wav").read_bytes()
    # As long as a ds64 chunk.
    assert b"JUNK" + (28).to_bytes(4, "little") in content[: content.index(b"data")]
