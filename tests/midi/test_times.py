"""Note times are those of the input, in every container, and do not drift in an hour.

Exactly, but for half a frame, with the input's clock; with basic-pitch's as its notes are.
"""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from neuralib.audio.encode import open_writer
from neuralib.audio.shape import read
from neuralib.engines.basic_pitch.engine import BasicPitch, Window
from neuralib.engines.device import Placement
from neuralib.midi.activations import Activations
from neuralib.midi.create import create_notes
from neuralib.midi.times import (
    HOP,
    SAMPLE_RATE,
    TRIM_FRAMES,
    WINDOW_FRAMES,
    Clock,
    clock_of,
    frames_about,
    seconds_of,
)
from neuralib.models.files import ModelFiles
from neuralib.models.store import Store
from neuralib.tasks import MidiTask
from tests.audio.containers import LOSSLESS, LOSSY, Kind
from tests.audio.containers import write as write_kind
from tests.audio_files import Samples, write_lossy, write_wav
from tests.midi.music import play

CPU = Placement("cpu", "fp32")
CLICK_SECONDS = 0.002
CLOCKS: tuple[Clock, ...] = ("basic-pitch", "input")
NEAR_SECONDS = {"basic-pitch": 0.013 + HOP / SAMPLE_RATE / 2, "input": 0.010}


class Listener(BasicPitch):
    """Basic Pitch's windows and frames around a model that hears nothing but clicks.

    The real one takes a minute for an hour of audio, and is no more exact than its frames.
    """

    def load(self) -> None:
        pass

    def _run(self, windows: list[Window]) -> Activations:
        loudness = np.abs([window.samples[:, 0] for window in windows])
        onsets = np.zeros((len(windows), WINDOW_FRAMES, 88), np.float32)
        for index, heard in enumerate(loudness):
            at = np.flatnonzero(heard > 0.6 * max(heard.max(), 0.3))
            if not at.size:
                continue
            middles = [part.mean() for part in np.split(at, 1 + np.flatnonzero(np.diff(at) > 441))]
            frames = np.rint(np.array(middles) / HOP)
            onsets[index, np.minimum(frames, WINDOW_FRAMES - 1).astype(int), 40] = 1
        kept = onsets[:, TRIM_FRAMES:-TRIM_FRAMES].reshape(-1, 88)
        return Activations(kept, kept, np.zeros((len(kept), 264), np.float32))


@pytest.fixture
def listener(tmp_path: Path) -> Listener:
    return Listener(ModelFiles("listener", (tmp_path,)), CPU)


def check_times(
    listener: Listener, path: Path, played: NDArray[np.float64], more_seconds: float = 0.0
) -> dict[Clock, NDArray[np.float64]]:
    """Read a file as every task of notes does; give how late its clicks are by each clock."""
    onsets = listener.track(read(path, SAMPLE_RATE, 1)).onsets
    late = {}
    for clock in CLOCKS:
        times = seconds_of(np.flatnonzero(onsets[:, 40]), clock)
        # A click that two windows share is heard at both sides of where they meet.
        found = times[np.diff(times, prepend=-1.0) > 0.1]
        assert len(found) == len(played)
        near = NEAR_SECONDS[clock] + more_seconds
        np.testing.assert_allclose(found, played, rtol=0, atol=near)
        late[clock] = found - played
    return late


def clicks(times: NDArray[np.float64], seconds: float, rate: int) -> Samples:
    """Short bursts around some times: (1, frames)."""
    samples = np.zeros((1, round(seconds * rate)), np.float32)
    half = round(CLICK_SECONDS / 2 * rate)
    for time in times:
        at = round(time * rate)
        samples[0, at - half : at + half + 1] = 0.8 * np.hanning(2 * half + 3)[1:-1]
    return samples


def write_clicks(path: Path, rate: int, minutes: int) -> NDArray[np.float64]:
    """Write a long file piece by piece, and give the times of its clicks."""
    times = np.arange(0.5, 60, 1.37)
    piece = clicks(times, 60.0, rate)[0]
    with soundfile.SoundFile(path, "w", rate, 1, "PCM_16") as file:
        for _ in range(minutes):
            file.write(piece)
    return np.concatenate([60.0 * minute + times for minute in range(minutes)])


@pytest.mark.parametrize("rate", [8_000, 11_025, 44_100])
def test_an_hour_ends_by_the_same_clock_as_it_starts(
    rate: int, listener: Listener, tmp_path: Path
) -> None:
    played = write_clicks(tmp_path / "hour.flac", rate, 60)

    late = check_times(listener, tmp_path / "hour.flac", played)

    drift = {clock: error[-44:].mean() - error[:44].mean() for clock, error in late.items()}
    assert abs(drift["basic-pitch"]) < 0.004
    assert abs(drift["input"]) < 0.0005


@pytest.mark.parametrize(("seconds", "clock"), [(600, "basic-pitch"), (601, "input")])
def test_long_recordings_have_their_own_clock(seconds: int, clock: Clock) -> None:
    """Where a song would be compared with basic-pitch's notes, and where its clock drifts."""
    frames = frames_about(seconds * SAMPLE_RATE)
    starts = np.zeros((frames, 88), np.float32)
    starts[frames - 200, 40] = 1
    sounds = np.zeros_like(starts)
    sounds[frames - 200 : frames - 100, 40] = 1
    activations = Activations(starts, sounds, np.zeros((frames, 264), np.float32))

    (note,) = create_notes(activations, MidiTask(pitch_bends=False))

    assert note.start == seconds_of(np.array([frames - 200]), clock)[0]
    assert clock_of("basic-pitch", frames) == "basic-pitch"
    assert clock_of("input", frames) == "input"


def write(path: Path, samples: Samples, rate: int) -> None:
    """Write (1, frames) samples in the container of the suffix."""
    container = path.suffix[1:]
    if container in ("aiff", "caf", "w64"):
        soundfile.write(path, samples.T, rate, format=container, subtype="PCM_16")
        return
    if container == "mkv":
        write_lossy(path, samples, rate, codec="aac", container="matroska")
        return
    with open_writer(path, format=container, sample_rate=rate, channels=1) as writer:
        writer.write(samples)


CONTAINERS = ("wav", "aiff", "w64", "caf", "flac", "ogg", "mp3", "m4a", "mkv", "opus")


@pytest.mark.parametrize(
    ("container", "rate"),
    [
        *itertools.product(CONTAINERS, [22_050, 44_100, 48_000]),
        *itertools.product(["wav", "flac"], [8_000, 11_025, 32_000, 96_000]),
    ],
)
def test_clicks_are_where_they_are_in_every_container(
    container: str, rate: int, listener: Listener, tmp_path: Path
) -> None:
    played = np.arange(0.5, 9.5, 0.73)
    path = tmp_path / f"clicks.{container}"
    write(path, clicks(played, 10.0, rate), rate)

    check_times(listener, path, played)


# A codec of voices makes nothing of clicks; where it puts the rest is tested beside the decoder.
KINDS = [kind for kind in LOSSY + LOSSLESS if "amr" not in kind.codec]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_clicks_are_where_they_are_whatever_the_codec(
    kind: Kind, listener: Listener, tmp_path: Path
) -> None:
    """Within a frame of the codec where no container tells its delay."""
    rate = kind.rates[-1]
    played = np.arange(0.5, 9.5, 0.73)
    path = tmp_path / f"clicks.{kind.suffix}"
    write_kind(path, kind, clicks(played, 10.0, rate), rate)

    check_times(listener, path, played, kind.off / rate)


@pytest.fixture(scope="module")
def basic_pitch(tmp_path_factory: pytest.TempPathFactory) -> BasicPitch:
    store = Store(tmp_path_factory.mktemp("models"), offline=True)
    return BasicPitch(store.locate("basic-pitch", "midi"), CPU)


@pytest.mark.parametrize("rate", [22_050, 44_100, 48_000])
def test_notes_start_where_they_are_struck(
    rate: int, basic_pitch: BasicPitch, tmp_path: Path
) -> None:
    """To a frame of the model; at the start of its windows as at their end."""
    pitches = itertools.cycle([48, 52, 55, 59, 64])
    starts = 0.3 + 0.711 * np.arange(24)
    played = [(float(at), float(at) + 0.6, next(pitches)) for at in starts]
    write_wav(tmp_path / "song.wav", play(tuple(played), rate)[None], rate)

    activations = basic_pitch.track(read(tmp_path / "song.wav", SAMPLE_RATE, 1))

    for clock in CLOCKS:
        notes = create_notes(activations, MidiTask(pitch_bends=False, clock=clock))
        for start, _, pitch in played:
            nearest = min(
                (note.start - start for note in notes if note.pitch == pitch), key=abs, default=1.0
            )
            assert abs(nearest) < HOP / SAMPLE_RATE + (0.009 if clock == "basic-pitch" else 0)
