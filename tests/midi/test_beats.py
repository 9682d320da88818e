"""The tempo of a song is found, and where its beats are."""

from __future__ import annotations

import io
import logging
import subprocess
import sys
from pathlib import Path

import numpy as np
import pretty_midi
import pytest

from neuralib.engines.pool import Engines
from neuralib.errors import EngineMissing
from neuralib.execute import Source, check, execute
from neuralib.execute.sink import FolderSink
from neuralib.midi import beats
from neuralib.midi.activations import Activations
from neuralib.midi.beats import find_tempo
from neuralib.midi.times import frames_about, seconds_of
from neuralib.models.store import Store
from neuralib.tasks import MidiTask
from tests.audio_files import write_wav
from tests.midi.music import Score, play

# librosa asks audioread, which asks what Python 3.13 has no more.
pytestmark = pytest.mark.filterwarnings("ignore:'(aifc|audioop|sunau)' is dep:DeprecationWarning")

RATE = 22_050


def onsets_at(times: np.ndarray, strength: np.ndarray, seconds: float) -> Activations:
    """Activations of a song whose notes start at some times."""
    onsets = np.zeros((frames_about(round(seconds * RATE)), 88), np.float32)
    clock = seconds_of(np.arange(len(onsets)))
    onsets[np.rint(np.interp(times, clock, np.arange(len(clock)))).astype(int), 40] = strength
    return Activations(onsets, onsets, np.zeros((len(onsets), 264), np.float32))


def song(bpm: float, first_beat: float, bars: int) -> tuple[np.ndarray, np.ndarray]:
    """Eighths, those on the beats being stronger, and the first of each bar the strongest."""
    eighths = np.arange(8 * bars)
    strength = np.where(eighths % 8 == 0, 1.0, np.where(eighths % 2 == 0, 0.8, 0.4))
    return first_beat + eighths * 30 / bpm, strength


@pytest.mark.parametrize(
    ("bpm", "first_beat", "bars"),
    [(90.0, 0.37, 12), (113.0, 1.2, 12), (127.5, 0.5, 600), (140.2, 0.2, 20), (82.0, 0.6, 12)],
)
def test_tempo_and_first_beat_are_those_of_the_song(
    bpm: float, first_beat: float, bars: int, caplog: pytest.LogCaptureFixture
) -> None:
    times, strength = song(bpm, first_beat, bars)

    tempo = find_tempo(onsets_at(times, strength, times[-1] + 1))

    found = 60e6 / tempo.microseconds_per_quarter
    assert found == pytest.approx(bpm, rel=2e-3)
    # The beats stay on the song's to its end.
    beats = np.array([tempo.quarter_at(time) for time in times[::2]])
    assert np.abs(beats - np.rint(beats)).max() * 60 / bpm < 0.03
    assert not caplog.records


@pytest.mark.parametrize("frames", [0, 1, 500])
def test_silence_has_no_beat(frames: int, caplog: pytest.LogCaptureFixture) -> None:
    nothing = np.zeros((frames, 88), np.float32)

    with caplog.at_level(logging.WARNING):
        tempo = find_tempo(Activations(nothing, nothing, np.zeros((frames, 264), np.float32)))

    assert (tempo.microseconds_per_quarter, tempo.first_beat) == (500_000, 0.0)
    assert "no beat was found" in caplog.text


def test_a_missing_library_is_told_before_anything_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(beats, "find_spec", lambda name: None)

    check(MidiTask(tempo_bpm=90))
    with pytest.raises(EngineMissing, match=r"pip install 'neuralib\[tempo\]'"):
        check(MidiTask(tempo_bpm="auto"))


def test_librosa_is_loaded_only_when_asked_for() -> None:
    code = "import neuralib.execute, sys; sys.exit('librosa' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def arpeggio(bpm: float, first_beat: float) -> Score:
    quarter = 60 / bpm
    pitches = (48, 64, 67, 64)
    return tuple(
        (first_beat + beat * quarter, first_beat + (beat + 0.8) * quarter, pitches[beat % 4])
        for beat in range(24)
    )


def test_notes_of_a_recording_come_to_lie_on_its_beats(tmp_path: Path) -> None:
    played = arpeggio(100.0, 0.44)
    path = write_wav(tmp_path / "song.wav", play(played, RATE)[None], RATE)
    task = MidiTask(tempo_bpm="auto", quantize="1/8", pitch_bends=False)
    engines = Engines(Store(tmp_path / "models", offline=True), "cpu")

    execute(task, Source(path, "song"), FolderSink(tmp_path), lambda _: None, engines)

    midi = pretty_midi.PrettyMIDI(io.BytesIO((tmp_path / "song.mid").read_bytes()))
    assert midi.get_tempo_changes()[1][-1] == pytest.approx(100.0, rel=2e-3)
    found = midi.instruments[0].notes
    for start, _, pitch in played:
        assert min(abs(note.start - start) for note in found if note.pitch == pitch) < 0.02
    lines = midi.get_beats()
    for note in found:
        nearest = np.abs(np.concatenate([lines, lines + 0.3]) - note.start).min()
        assert nearest < 0.002
