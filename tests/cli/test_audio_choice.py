"""Which sound of an input is taken."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.audio.containers import write_film
from tests.audio_files import tone, write_wav
from tests.conftest import Command
from tests.servers.gateway import Gateway


def test_each_audio_stream_can_be_named(neuralib: Command, tmp_path: Path) -> None:
    write_film(tmp_path / "film.mkv")
    seconds = [
        neuralib("midi", "film.mkv", "--json", *words).records[0]["audio_seconds"]
        for words in ((), ("--stream", 1), ("--stream", 2))
    ]
    assert seconds == pytest.approx([0.5, 0.25, 0.5], abs=1e-3)


def test_a_stream_that_is_not_there_fails_that_input_alone(
    neuralib: Command, tmp_path: Path
) -> None:
    write_film(tmp_path / "film.mkv")
    done = neuralib("midi", "film.mkv", "--stream", 3)
    assert done.status == 1
    assert done.errors == [
        "error: 'film.mkv' has no audio stream 3; choose one of its own "
        "(1: eng, flac, mono; 2: ger, flac, stereo)"
    ]
    assert neuralib("midi", "film.mkv", "--stream", 0).status == 2


def test_raw_samples_are_read_like_a_file(neuralib: Command, tmp_path: Path) -> None:
    samples = tone(1.0, channels=1)
    write_wav(tmp_path / "tone.wav", samples, kind="f32")
    data = samples.tobytes()
    (tmp_path / "take.f32").write_bytes(data)
    raw = ("--raw", "44100,1,f32le", "-f", "csv")
    assert neuralib("midi", "tone.wav", "-f", "csv").status == 0
    assert neuralib("midi", "take.f32", *raw).lines == ["take.csv"]
    piped = neuralib("midi", "-", *raw, stdin=data).stdout
    expected = (tmp_path / "tone.csv").read_bytes()
    assert expected.count(b"\n") > 1
    assert (tmp_path / "take.csv").read_bytes() == expected
    assert piped == expected


def test_a_wrong_raw_format_names_the_input(neuralib: Command, tmp_path: Path) -> None:
    (tmp_path / "take.raw").write_bytes(bytes(1001))
    done = neuralib("midi", "take.raw", "--raw", "44100,2,s16le")
    assert done.status == 1
    assert done.errors[0].startswith(
        "error: 'take.raw' has 1001 bytes, which is not a whole number"
    )
    piped = neuralib("midi", "-", "--raw", "44100,2,s16le", stdin=bytes(1001))
    assert piped.errors[0].startswith("error: standard input has 1001 bytes")
    assert neuralib("midi", "take.raw", "--raw", "44100").status == 2
    nan = np.full(44100, np.nan, np.float32).tobytes()
    (tmp_path / "nan.raw").write_bytes(nan)
    done = neuralib("midi", "nan.raw", "--raw", "44100,1,f32le")
    assert done.errors[0].startswith("error: 'nan.raw' has a sample")


def test_a_cluster_takes_the_same_sound(
    neuralib: Command, tmp_path: Path, gateway: Gateway
) -> None:
    write_film(tmp_path / "film.mkv")
    (tmp_path / "take.raw").write_bytes(tone(0.5, channels=1).tobytes())
    (tmp_path / "torn.raw").write_bytes(bytes(1001))
    for words in (
        ("film.mkv", "--stream", 1),
        ("take.raw", "torn.raw", "--raw", "44100,1,f32le"),
    ):
        asked = ("midi", *words, "-f", "csv", "--json")
        here = neuralib(*asked, "-o", "here").records
        there = neuralib(*asked, "-o", "there", "--submit", "--server", gateway.url).records
        for one, other in zip(here, there, strict=True):
            assert one["audio_seconds"] == other["audio_seconds"]
            assert one["error"] == other["error"]
            sums = [[output["sha256"] for output in record["outputs"]] for record in (one, other)]
            assert sums[0] == sums[1]
