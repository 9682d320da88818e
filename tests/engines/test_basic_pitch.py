"""Basic Pitch's graph on its own, against basic-pitch."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, cast

import faster_whisper
import mir_eval
import numpy as np
import onnxruntime
import pytest
import soundfile
from numpy.typing import NDArray

from neuralib.audio.block import Block
from neuralib.audio.shape import read
from neuralib.engines.basic_pitch.engine import BasicPitch
from neuralib.engines.device import Placement, cores, onnx_devices, place
from neuralib.errors import CheckpointError, DecodeError, DeviceMissing, EngineMissing, UsageError
from neuralib.midi.create import create_notes
from neuralib.midi.notes import Note
from neuralib.midi.times import frames_about
from neuralib.models.files import ModelFiles
from neuralib.models.store import Store
from neuralib.tasks import MidiTask
from tests.midi.music import CHORDS, MELODY, play
from tests.midi.reference import from_events, inference, reference_notes, to_activations

# librosa asks audioread, which asks what Python 3.13 has no more.
pytestmark = pytest.mark.filterwarnings("ignore:'(aifc|audioop|sunau)' is dep:DeprecationWarning")

RATE = 22_050
CPU = Placement("cpu", "fp32")
MUSIC = {"chords": play(CHORDS, RATE), "melody": play(MELODY, RATE, vibrato_semitones=0.7)}


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> ModelFiles:
    return Store(tmp_path_factory.mktemp("models"), offline=True).locate("basic-pitch", "midi")


@pytest.fixture(scope="session")
def engine(files: ModelFiles) -> BasicPitch:
    return BasicPitch(files, CPU)


@pytest.fixture(scope="session")
def reference(files: ModelFiles) -> inference.Model:
    return inference.Model(files.paths[0])


def in_blocks(samples: NDArray[np.float32], length: int = 65_536) -> Iterator[Block]:
    for start in range(0, len(samples), length):
        yield samples[None, start : start + length]


@pytest.mark.parametrize("name", MUSIC)
def test_notes_are_those_of_basic_pitch(
    name: str, engine: BasicPitch, reference: inference.Model, tmp_path: Path
) -> None:
    path = tmp_path / "music.wav"
    soundfile.write(path, MUSIC[name], RATE, subtype="FLOAT")
    theirs = to_activations(inference.run_inference(path, reference))

    ours = engine.track(in_blocks(MUSIC[name]))

    heard = ours.part(0, ours.reference_frames)
    for matrix in ("onsets", "notes", "contours"):
        np.testing.assert_allclose(getattr(heard, matrix), getattr(theirs, matrix), atol=1e-5)
    notes, expected = create_notes(ours, MidiTask()), reference_notes(theirs, MidiTask())
    assert [note.pitch for note in notes] == [note.pitch for note in expected]
    assert [note.bends for note in notes] == [note.bends for note in expected]
    assert figures(notes) == pytest.approx(figures(expected), abs=1e-3)


def figures(notes: list[Note]) -> NDArray[np.float64]:
    return np.array([(note.start, note.end, note.amplitude) for note in notes])


def test_a_tuned_note_is_not_bent(engine: BasicPitch) -> None:
    scale = tuple((0.2 + 0.8 * step, 0.8 + 0.8 * step, 45 + 5 * step) for step in range(9))

    notes = create_notes(engine.track(in_blocks(play(scale, RATE))), MidiTask())

    played = [note for note in notes if (note.pitch - 45) % 5 == 0 and note.end - note.start > 0.4]
    assert {note.pitch for note in played} == {pitch for _, _, pitch in scale}
    assert {Counter(note.bends).most_common(1)[0][0] for note in played} == {0}


def test_vibrato_bends_both_ways(engine: BasicPitch) -> None:
    notes = create_notes(engine.track(in_blocks(MUSIC["melody"])), MidiTask())

    (long,) = (note for note in notes if note.pitch == 74)
    assert set(long.bends or ()) >= {-1, 0, 1}


@pytest.mark.parametrize(("rate", "suffix"), [(44_100, "flac"), (48_000, "wav"), (8_000, "wav")])
def test_notes_of_a_file_are_those_of_basic_pitch(
    rate: int, suffix: str, engine: BasicPitch, reference: inference.Model, tmp_path: Path
) -> None:
    path = tmp_path / f"music.{suffix}"
    left, right = play(CHORDS, rate), play(MELODY, rate, vibrato_semitones=0.3)
    frames = max(len(left), len(right))
    stereo = np.stack([np.pad(side, (0, frames - len(side))) for side in (left, right)], axis=1)
    soundfile.write(path, stereo, rate)
    _, _, events = inference.predict(path, reference)

    notes = create_notes(engine.track(read(path, engine.sample_rate, 1)), MidiTask())

    assert agreement(notes, from_events(events)) >= 0.99


def agreement(notes: list[Note], expected: list[Note]) -> float:
    """F1 of onsets (within 50 ms) and pitches (within a quarter tone)."""
    arguments = []
    for each in (expected, notes):
        arguments.append(np.array([(note.start, note.end) for note in each]))
        arguments.append(np.array([note.frequency_hz for note in each]))
    *_, f1, _ = mir_eval.transcription.precision_recall_f1_overlap(*arguments, offset_ratio=None)
    return float(f1)


@pytest.mark.parametrize(
    "frames", [1, 255, 257, 36_164 - 3840, 36_165 - 3840, 36_164, 36_165, 2 * 36_164 - 3840]
)
def test_every_length_has_as_many_frames_as_in_basic_pitch(
    frames: int, engine: BasicPitch, reference: inference.Model, tmp_path: Path
) -> None:
    samples = np.resize(MUSIC["chords"], frames)
    soundfile.write(tmp_path / "music.wav", samples, RATE, subtype="FLOAT")

    theirs = to_activations(inference.run_inference(tmp_path / "music.wav", reference))
    ours = engine.track(in_blocks(samples))

    assert ours.reference_frames == len(theirs.notes)
    heard = ours.part(0, ours.reference_frames)
    np.testing.assert_allclose(heard.notes, theirs.notes, atol=1e-5)


@pytest.mark.parametrize("length", [1000, 43_844, 1_000_000])
def test_activations_do_not_depend_on_the_blocks(length: int, engine: BasicPitch) -> None:
    whole = engine.track(in_blocks(MUSIC["melody"]))

    again = engine.track(in_blocks(MUSIC["melody"], length))

    assert all(map(np.array_equal, vars(whole).values(), vars(again).values()))


def test_songs_beside_each_other_get_what_they_get_alone(engine: BasicPitch) -> None:
    songs = [MUSIC["melody"][: RATE * seconds] for seconds in (1, 5, 2, 9, 3, 4)]
    alone = [engine.track(in_blocks(song)) for song in songs]

    def broken() -> Iterator[Block]:
        yield from in_blocks(songs[3])
        raise DecodeError("breaks off")

    with ThreadPoolExecutor(len(songs) + 1, "song") as pool:
        failing = pool.submit(engine.track, broken())
        together = list(pool.map(lambda song: engine.track(in_blocks(song)), songs))
        with pytest.raises(DecodeError):
            failing.result()

    for one, other in zip(alone, together, strict=True):
        assert all(map(np.array_equal, vars(one).values(), vars(other).values()))
    computing = [each for each in threading.enumerate() if each.name.startswith("midi")]
    assert len(computing) <= cores()


class Watched:
    """A session that knows how many run at once, and in which threads."""

    def __init__(self, session: onnxruntime.InferenceSession) -> None:
        self._session = session
        self._lock = threading.Lock()
        self._running = self.most = 0
        self.threads: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session, name)

    def run(self, *arguments: Any) -> Any:
        with self._lock:
            self.threads.append(threading.current_thread().name)
            self._running += 1
            self.most = max(self.most, self._running)
        try:
            return self._session.run(*arguments)
        finally:
            with self._lock:
                self._running -= 1


def test_no_more_windows_are_computed_at_once_than_there_are_cores(
    files: ModelFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = BasicPitch(files, CPU)
    engine.load()
    session = Watched(cast(onnxruntime.InferenceSession, engine._session))
    monkeypatch.setattr(engine, "_session", session)
    songs = [MUSIC["melody"][: RATE * seconds] for seconds in (1, 5, 1, 1, 9, 1, 1, 1)]

    with ThreadPoolExecutor(len(songs) + cores(), "song") as pool:
        list(pool.map(lambda song: engine.track(in_blocks(song)), songs))

    assert session.most <= cores()
    kinds = Counter(name.partition("_")[0] for name in session.threads)
    assert kinds["song"] == songs_of_one_window(songs)  # the others have the engine's own threads


def songs_of_one_window(songs: list[NDArray[np.float32]]) -> int:
    return sum(len(song) <= 36_164 - 3840 for song in songs)


@pytest.mark.parametrize("frames", [0, 1, 256, 5 * RATE])
def test_silence_has_no_notes(frames: int, engine: BasicPitch) -> None:
    activations = engine.track(in_blocks(np.zeros(frames, np.float32)))

    assert activations.reference_frames == frames * 86 // RATE
    assert activations.contours.shape == (frames_about(frames), 264)
    assert create_notes(activations, MidiTask(minimum_note_ms=0.0)) == []


@pytest.mark.parametrize("content", [b"", b"not a graph", None], ids=["empty", "text", "cut"])
def test_a_damaged_file_is_told(content: bytes | None, files: ModelFiles, tmp_path: Path) -> None:
    path = tmp_path / "nmp.onnx"
    path.write_bytes(files.paths[0].read_bytes()[:-1000] if content is None else content)

    with pytest.raises(CheckpointError, match=r"nmp.onnx is not Basic Pitch's ONNX graph \("):
        BasicPitch(ModelFiles("nmp", (path,)), CPU).load()


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="No such file"):
        BasicPitch(ModelFiles("nmp", (tmp_path / "nmp.onnx",)), CPU).load()


def test_the_graph_of_another_model_is_told() -> None:
    assets = Path(faster_whisper.__file__).parent / "assets"
    path = next(assets.glob("silero_vad*.onnx"))

    with pytest.raises(CheckpointError, match="its inputs are"):
        BasicPitch(ModelFiles("silero", (path,)), CPU).load()


def test_other_precisions_are_refused(files: ModelFiles) -> None:
    with pytest.raises(UsageError, match="has fp32 only, got bf16; take --precision auto"):
        BasicPitch(files, Placement("cpu", "bf16")).load()


def test_a_missing_library_is_told(files: ModelFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)

    assert place("auto", "auto", onnx_devices) == CPU
    with pytest.raises(EngineMissing, match="pip install onnxruntime"):
        BasicPitch(files, CPU).load()


def test_a_gpu_that_is_not_here_is_told(files: ModelFiles) -> None:
    absent = f"cuda:{onnx_devices().nvidia}"

    with pytest.raises(DeviceMissing, match=f"device {absent} is not here"):
        place(absent, "auto", onnx_devices)
    with pytest.raises(DeviceMissing, match="device mps is not here"):
        place("mps", "auto", onnx_devices)
    if "CUDAExecutionProvider" not in onnxruntime.get_available_providers():
        with pytest.raises(DeviceMissing, match="onnxruntime-gpu"):
            BasicPitch(files, Placement(absent, "fp32")).load()


LEAN = """
import sys
from pathlib import Path
import numpy as np
from neuralib.engines.pool import Engines
from neuralib.midi.create import create_notes
from neuralib.midi.encode import encode_notes
from neuralib.midi.score import Score
from neuralib.models.store import Store
from neuralib.tasks import MidiTask

task, folder = MidiTask(), Path(sys.argv[1])
engine = Engines(Store(folder, offline=True), "auto").get(task)
notes = create_notes(engine.track([np.ones((1, 22050), np.float32)]), task)
encode_notes(notes, "mid", Score())
heavy = {"basic_pitch", "librosa", "numba", "onnx", "openvino", "scipy", "tensorflow", "torch"}
print(*sorted(heavy & set(sys.modules)))
"""


def test_nothing_heavy_is_imported_but_once(tmp_path: Path) -> None:
    for expected in ("onnx\n", "\n"):
        done = subprocess.run(
            [sys.executable, "-c", LEAN, tmp_path], capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stdout, done.stderr) == (0, expected, "")
