"""The three tasks on the demo song, from files to files, with the micro checkpoints."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pretty_midi
import pytest

from neuralib.audio.decode import decode
from tests.audio_files import write_wav
from tests.conftest import MODEL, ROOT, Command
from tests.micro.song import Song, demo_song, write_demo_song
from tests.micro.train_htdemucs import SOURCES


@pytest.fixture(scope="module")
def song() -> Song:
    return demo_song()


@pytest.fixture
def vocals(song: Song, tmp_path: Path) -> Path:
    """The singer alone."""
    return write_wav(tmp_path / "vocals.wav", song.stems["vocals"])


def read(path: Path) -> np.ndarray:
    return np.concatenate(list(decode(path)), axis=1)


def sdr(reference: np.ndarray, estimate: np.ndarray) -> float:
    return float(10 * np.log10(np.sum(reference**2) / np.sum((reference - estimate) ** 2)))


def words(text: str) -> list[str]:
    return re.findall(r"[a-z']+", text.lower())


def test_each_stem_is_8_db_better_than_the_mix(
    neuralib: Command, song: Song, tmp_path: Path
) -> None:
    write_demo_song(tmp_path / "song.wav")
    done = neuralib("separate", *MODEL["separate"], "song.wav", "--bit-depth", "32")
    assert done.lines == [f"song/{stem}.wav" for stem in SOURCES]
    for stem in SOURCES:
        estimate = read(tmp_path / "song" / f"{stem}.wav")
        truth = song.stems[stem]
        assert estimate.shape == truth.shape
        assert sdr(truth, estimate) - sdr(truth, song.mix) >= 8, stem


@pytest.mark.parametrize("engine", ["faster-whisper", "openai-whisper"])
def test_the_sentences_are_written_down_with_their_times(
    neuralib: Command, song: Song, vocals: Path, engine: str
) -> None:
    options = ["--engine", engine, "--format", "json"]
    done = neuralib("transcribe", *MODEL["transcribe"], vocals, "-o", "-", *options)
    assert done.status == 0, done.stderr
    transcript = json.loads(done.stdout)
    assert transcript["language"] == "en"
    said = [segment for segment in transcript["segments"] if words(segment["text"])]
    assert [words(segment["text"]) for segment in said] == [
        words(text) for _, _, text in song.sentences
    ]
    for segment, (start, end, _) in zip(said, song.sentences, strict=True):
        assert segment["start"] == pytest.approx(start, abs=0.5)
        assert segment["end"] == pytest.approx(end, abs=0.5)


def test_the_bass_is_heard_as_notes(neuralib: Command, song: Song, tmp_path: Path) -> None:
    write_wav(tmp_path / "bass.wav", song.stems["bass"])
    done = neuralib("midi", "bass.wav")
    assert done.status == 0, done.stderr
    notes = pretty_midi.PrettyMIDI(str(tmp_path / "bass.mid")).instruments[0].notes
    assert len(notes) > 10
    assert np.median([note.pitch for note in notes]) < 52


def test_make_demo_shows_what_it_wrote(environment: dict[str, str], tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.micro.demo"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=environment | {"PYTHONPATH": str(ROOT)},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    for name in ("song/vocals.wav", "song.mid", "vocals.txt", "vocals.srt", "vocals.lrc"):
        assert (tmp_path / "demo" / name).stat().st_size > 0
        assert name in done.stdout
    assert "micro checkpoint" in done.stdout
