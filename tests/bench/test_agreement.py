"""Results are compared as the table says."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from neuralib.bench.agreement import agreement
from tests.audio_files import noise


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    pair = tmp_path / "reference", tmp_path / "other"
    for folder in pair:
        folder.mkdir()
    return pair


def test_the_worst_stem_counts(folders: tuple[Path, Path]) -> None:
    signal, error = noise(8000, seed=1).T, noise(8000, seed=2).T
    for stem, share in (("bass", 0.001), ("drums", 0.01)):
        for folder, added in zip(folders, (0.0, share), strict=True):
            path = folder / f"{stem}.wav"
            soundfile.write(path, signal + added * error, 8000, subtype="FLOAT")
    assert agreement("separate", *folders) == pytest.approx(40, abs=0.5)


def test_notes_are_paired_by_pitch_and_onset(folders: tuple[Path, Path]) -> None:
    for folder, starts in zip(folders, ([0.0, 1.0, 2.0], [0.04, 1.06]), strict=True):
        notes = [{"pitch": 60, "start": start} for start in starts] + [{"pitch": 61, "start": 0.0}]
        (folder / "song.json").write_text(json.dumps({"notes": notes}))
    assert agreement("midi", *folders) == pytest.approx(2 * 2 / (4 + 3))


def test_words_are_counted(folders: tuple[Path, Path]) -> None:
    for folder, text in zip(folders, ("one two three four", "one two free four"), strict=True):
        (folder / "song.txt").write_text(text)
    assert agreement("transcribe", *folders) == pytest.approx(0.75)


def test_silence_agrees_with_silence(folders: tuple[Path, Path]) -> None:
    for folder in folders:
        soundfile.write(folder / "bass.wav", np.zeros((800, 2)), 8000, subtype="FLOAT")
        (folder / "song.json").write_text('{"notes": []}')
        (folder / "song.txt").write_text("")
    assert [agreement(kind, *folders) for kind in ("midi", "transcribe")] == [1.0, 1.0]
    assert agreement("separate", *folders) >= 0
