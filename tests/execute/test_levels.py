"""A stem that is louder than full scale costs no other stem its level, and nothing its shape."""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from neuralib.audio.block import Block
from neuralib.audio.decode import decode
from neuralib.audio.draft import Draft
from neuralib.audio.writer import Writer
from neuralib.errors import OutputError, UsageError
from neuralib.execute.separate import run_separate
from neuralib.execute.sink import FolderSink, StreamSink
from neuralib.execute.source import Source
from neuralib.execute.stem_files import common_gain_db
from neuralib.progress import Progress
from neuralib.tasks import SeparateTask, build_task
from tests.audio_files import Samples, noise, tone, write_wav
from tests.execute.engines import Gains, alone

LOUD = Gains(vocals=2.5, drums=-1.0, bass=0.25)
QUIET = Gains(vocals=0.5, drums=0.25)


def separate(
    folder: Path, engine: Gains, samples: Samples, rate: int = 44100, **options: Any
) -> tuple[dict[str, Samples], float]:
    song = write_wav(folder / "song.wav", samples, rate, "f32")
    task = SeparateTask(**options)
    with FolderSink(folder / "stems") as sink:
        done = run_separate(task, Source(song, "song"), sink, lambda _: None, engine, alone())
    found = {path.stem: read(path) for path in (folder / "stems").iterdir()}
    return found, done.gain_db


def read(path: Path) -> Samples:
    return np.concatenate(list(decode(path)), axis=1)


def gain(gain_db: float) -> np.float32:
    return np.float32(10 ** (gain_db / 20))


def peak_db(samples: Samples) -> float:
    return 20 * float(np.log10(max(np.abs(samples).max(), 1e-12)))


@pytest.mark.parametrize(("format", "depth"), [("wav", 16), ("wav", 24), ("flac", 24)])
def test_all_stems_get_the_one_gain_that_is_told(tmp_path: Path, format: str, depth: int) -> None:
    mix = tone(1.0, amplitude=0.8)
    stems, gain_db = separate(tmp_path, LOUD, mix, format=format, bit_depth=depth)
    assert gain_db == pytest.approx(-20 * np.log10(2.0), abs=0.02)
    assert gain_db == round(gain_db, 2)
    for name, factor in LOUD.gains.items():
        error = stems[name] - gain(gain_db) * np.float32(factor) * mix
        assert np.abs(error).max() <= 1.01 * 2.0 ** (1 - depth), name
    assert 0.998 < np.abs(stems["vocals"]).max() < 1


def test_nothing_changes_where_nothing_clips(tmp_path: Path) -> None:
    mix = tone(1.0, amplitude=1.0)
    stems, gain_db = separate(tmp_path, QUIET, mix, bit_depth=24)
    assert gain_db == 0.0
    assert np.abs(stems["vocals"] - 0.5 * mix).max() < 2.0**-23


@pytest.mark.parametrize("clip", ["rescale", "clamp", "error"])
def test_32_bit_float_is_exactly_what_the_model_gave(tmp_path: Path, clip: str) -> None:
    mix = noise(50_001, amplitude=3.0)
    stems, gain_db = separate(tmp_path, LOUD, mix, bit_depth=32, clip=clip)
    assert gain_db == 0.0
    for name, factor in LOUD.gains.items():
        assert stems[name].tobytes() == (np.float32(factor) * mix).tobytes()


@pytest.mark.parametrize("format", ["mp3", "ogg", "opus", "m4a"])
def test_lossy_stems_are_turned_down_too(tmp_path: Path, format: str) -> None:
    mix = tone(1.0, amplitude=0.8)
    stems, gain_db = separate(tmp_path, LOUD, mix, format=format)
    # Resampling for opus may find the crests between the samples.
    assert gain_db == pytest.approx(-6.02, abs=0.05)
    # Where the tone sets in and stops, coders overshoot.
    levels = [np.abs(stems[name][0, 9000:-9000]).max() for name in LOUD.gains]
    assert levels == pytest.approx([1, 0.4, 0.1], rel=0.05)


@pytest.mark.parametrize("format", ["wav", "mp3"])
def test_clamp_cuts_off_and_tells(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, format: str
) -> None:
    mix = tone(1.0, amplitude=0.8)
    depth = 16 if format == "wav" else None
    stems, gain_db = separate(tmp_path, LOUD, mix, format=format, bit_depth=depth, clip="clamp")
    assert gain_db == 0.0
    assert np.abs(stems["drums"]).max() == pytest.approx(0.8, rel=0.02)
    loud = stems["vocals"][0][:44100]
    assert np.mean(np.abs(loud) > 0.9) > 0.6  # a sine would be there for 29 % of the time
    (record,) = caplog.records
    assert record.getMessage().startswith("'vocals.")
    assert "were cut off; take --clip rescale" in record.getMessage()


@pytest.mark.parametrize("format", ["wav", "mp3"])
def test_error_ends_the_run_and_leaves_nothing(tmp_path: Path, format: str) -> None:
    mix = tone(2.0, amplitude=0.1)
    mix[1, 66_150] = 0.5
    depth = 16 if format == "wav" else None
    with pytest.raises(OutputError, match=r"'vocals\..* louder than full scale at 1\.500 s; take"):
        separate(tmp_path, LOUD, mix, format=format, bit_depth=depth, clip="error")
    assert [path.name for path in tmp_path.iterdir()] == ["song.wav"]


def test_error_lets_quiet_tracks_pass(tmp_path: Path) -> None:
    mix = tone(1.0, amplitude=1.0)
    stems, _ = separate(tmp_path, QUIET, mix, bit_depth=16, clip="error")
    assert set(stems) == {"vocals", "drums"}


@pytest.mark.parametrize("engine", [QUIET, LOUD], ids=["quiet", "loud"])
@pytest.mark.parametrize(("channels", "rate"), [(1, 22050), (2, 44100), (2, 48000), (6, 44100)])
def test_stems_and_residual_null_against_the_mix(
    tmp_path: Path, engine: Gains, channels: int, rate: int
) -> None:
    mix = noise(60_001, channels=channels, amplitude=0.2)
    stems, gain_db = separate(tmp_path, engine, mix, rate, bit_depth=24, residual=True)
    assert set(stems) == {*engine.gains, "residual"}
    assert (gain_db < 0) == (engine is LOUD)
    if channels == 6:  # ITU-R BS.775: FL, FR, FC, LFE, BL, BR
        half = np.float32(np.sqrt(0.5))
        mix = mix[:2] + half * mix[2] + half * mix[4:]
    assert peak_db(sum(stems.values()) - gain(gain_db) * mix) < -110


def test_a_residual_of_some_stems_is_the_rest(tmp_path: Path) -> None:
    mix = noise(30_000)
    stems, _ = separate(tmp_path, QUIET, mix, bit_depth=32, stems=("drums",), residual=True)
    assert set(stems) == {"drums", "residual"}
    assert peak_db(stems["residual"] - np.float32(0.75) * mix) < -120


def test_the_loudest_peak_may_be_in_the_residual(tmp_path: Path) -> None:
    mix = tone(1.0, amplitude=0.9)
    stems, gain_db = separate(tmp_path, Gains(vocals=-0.5), mix, bit_depth=24, residual=True)
    assert gain_db == pytest.approx(-20 * np.log10(1.35), abs=0.02)
    assert np.abs(stems["residual"]).max() > np.abs(stems["vocals"]).max()


def test_a_residual_of_two_stems_is_refused() -> None:
    values = {"kind": "separate", "two_stems": "vocals", "residual": True}
    with pytest.raises(UsageError, match="no_vocals is all the rest"):
        build_task(values)


def test_writing_is_reported_to_its_end(tmp_path: Path) -> None:
    song = write_wav(tmp_path / "song.wav", tone(3.0))
    seen: list[Progress] = []
    with FolderSink(tmp_path / "stems") as sink:
        run_separate(SeparateTask(), Source(song, "song"), sink, seen.append, QUIET, alone())
    assert list(dict.fromkeys(each.stage for each in seen)) == ["measure", "run", "write"]
    assert seen[-1].fraction == 1.0


def test_stems_are_encoded_beside_each_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    together = threading.Barrier(len(LOUD.gains), timeout=60)  # broken where one waits alone
    write = Writer.write
    written: Counter[Writer] = Counter()

    def meet(writer: Writer, block: Block) -> None:
        written[writer] += 1
        if written[writer] == 8:  # the first few are not made ahead
            together.wait()
        write(writer, block)

    monkeypatch.setattr(Writer, "write", meet)
    mix = noise(65536 * 12, amplitude=0.3)
    stems, gain_db = separate(tmp_path, LOUD, mix, bit_depth=16)
    assert list(written.values()) == [12] * len(LOUD.gains)
    for name, factor in LOUD.gains.items():
        assert np.abs(stems[name] - gain(gain_db) * np.float32(factor) * mix).max() < 2.0**-14


def test_a_fault_of_one_stem_ends_the_encoding_of_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    encode = Draft.encode
    failing = iter([False, True, False])

    def fail(draft: Draft, writer: Writer, gain: float) -> Iterator[Block]:
        fails = next(failing)
        for number, block in enumerate(encode(draft, writer, gain)):
            yield block
            if fails and number == 8:
                raise OutputError("no more")

    monkeypatch.setattr(Draft, "encode", fail)
    mix = noise(65536 * 12, amplitude=0.3)
    threads = threading.active_count()
    with pytest.raises(OutputError, match="no more"):
        separate(tmp_path, LOUD, mix, bit_depth=16)
    assert threading.active_count() == threads
    assert [path.name for path in tmp_path.iterdir()] == ["song.wav"]


def test_a_run_that_is_killed_leaves_no_floats_behind(tmp_path: Path) -> None:
    with FolderSink(tmp_path) as sink, sink.scratch() as scratch:
        scratch.write(bytes(1000))
        assert os.listdir(tmp_path) == []


def test_one_stem_goes_to_a_stream(tmp_path: Path) -> None:
    song = write_wav(tmp_path / "song.wav", tone(1.0, amplitude=0.8))
    out = tmp_path / "out.wav"
    task = SeparateTask(stems=("vocals",))
    with out.open("wb") as stream, StreamSink(stream) as sink:
        run_separate(task, Source(song, "song"), sink, lambda _: None, LOUD, alone())
    samples, _ = soundfile.read(out)
    assert 0.998 < np.abs(samples).max() < 1


@pytest.mark.parametrize("peak", [1.0000001, 1.5, 40.0])
def test_the_gain_is_enough(peak: float) -> None:
    assert 0.99 < peak * 10 ** (common_gain_db(peak) / 20) <= 1 - 2**-15
    assert common_gain_db(1.0) == 0.0
