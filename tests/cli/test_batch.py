"""Batches, records, pipes: what a script relies on."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import numpy as np
import pytest
import soundfile

from neuralib.audio.decode import decode
from tests.audio_files import noise, tone, write_wav
from tests.conftest import MODEL, Command


def read(path: Path) -> np.ndarray:
    return np.concatenate(list(decode(path)), axis=1)


def test_paths_go_to_stdout_and_a_summary_to_stderr(neuralib: Command, tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_wav(tmp_path / f"{name}.wav", tone(1.0))
    done = neuralib("midi", "one.wav", "two.wav", "--format", "mid,csv,json", "-o", "notes")
    assert done.status == 0
    assert done.lines == [
        f"notes/{name}.{format}" for name in ("one", "two") for format in ("mid", "csv", "json")
    ]
    assert re.fullmatch(r"2 done; 2\.0 s of audio in [\d.]+ s \([\d.]+x\)\n", done.stderr)
    quiet = neuralib("midi", "one.wav", "two.wav", "-q")
    assert quiet.stderr == ""


def test_record_of_a_finished_input(neuralib: Command, tmp_path: Path) -> None:
    write_wav(tmp_path / "song.wav", tone(1.5))
    (record,) = neuralib("midi", "song.wav", "--json").records
    written = (tmp_path / "song.mid").read_bytes()
    assert 0 < record.pop("seconds") < 60
    assert record == {
        "input": "song.wav",
        "task": "midi",
        "status": "done",
        "outputs": [
            {
                "kind": "notes",
                "name": "song.mid",
                "path": "song.mid",
                "sha256": hashlib.sha256(written).hexdigest(),
                "bytes": len(written),
            }
        ],
        "audio_seconds": 1.5,
        "model": "basic-pitch",
        "device": "cpu",
        "precision": "fp32",
        "runtime": "onnxruntime",
        "gain_db": None,
        "error": None,
    }


def test_skip_existing_runs_only_what_is_missing(neuralib: Command, tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_wav(tmp_path / f"{name}.wav", tone(1.0))
    neuralib("midi", "one.wav", "-o", "out")
    before = (tmp_path / "out" / "one.mid").stat().st_mtime_ns
    done = neuralib("midi", ".", "-o", "out", "--skip-existing", "--json")
    assert done.status == 0
    assert [record["status"] for record in done.records] == ["skipped", "done"]
    assert done.records[0]["outputs"][0]["path"] == "out/one.mid"
    assert (tmp_path / "out" / "one.mid").stat().st_mtime_ns == before
    again = neuralib("midi", ".", "-o", "out", "--format", "mid,csv", "--skip-existing", "--json")
    assert [record["status"] for record in again.records] == ["done", "done"]


def test_same_input_gives_the_same_bytes(neuralib: Command, tmp_path: Path) -> None:
    write_wav(tmp_path / "song.wav", noise(44100 * 3))
    digests = []
    for folder in ("one", "two"):
        words = ["separate", *MODEL["separate"], "song.wav", "--format", "flac", "--json"]
        (record,) = neuralib(*words, "-o", folder).records
        digests.append([output["sha256"] for output in record["outputs"]])
    assert digests[0] == digests[1]


def test_stems_and_the_rest_add_up_to_the_mix(neuralib: Command, tmp_path: Path) -> None:
    mix = write_wav(tmp_path / "song.wav", noise(48_000 * 3), 48_000, kind="f32")
    words = ["separate", *MODEL["separate"], "song.wav", "--two-stems", "drums", "-o", "out"]
    done = neuralib(*words)
    assert done.lines == ["out/song/drums.wav", "out/song/no_drums.wav"]
    parts = [read(tmp_path / line) for line in done.lines]
    assert np.abs(sum(parts) - read(mix)).max() < 1e-6
    assert np.abs(parts[0]).max() > 0


def test_stems_keep_rate_channels_depth_and_length(neuralib: Command, tmp_path: Path) -> None:
    write_wav(tmp_path / "song.wav", noise(22_050 * 2 + 7, channels=1), 22_050, kind="s24")
    words = ["separate", *MODEL["separate"], "song.wav", "--stems", "bass,drums"]
    done = neuralib(*words)
    assert done.lines == ["song/bass.wav", "song/drums.wav"]
    info = soundfile.info(tmp_path / "song" / "bass.wav")
    assert (info.samplerate, info.channels, info.frames) == (22_050, 1, 22_050 * 2 + 7)
    assert info.subtype == "PCM_24"


def test_unknown_stem_is_wrong_usage(neuralib: Command, tmp_path: Path) -> None:
    write_wav(tmp_path / "song.wav", tone(0.5))
    done = neuralib("separate", *MODEL["separate"], "song.wav", "--stems", "kazoo")
    assert done.status == 2
    assert "drums, bass, other, vocals" in done.errors[0]


def test_one_command_feeds_the_next(neuralib: Command, tmp_path: Path) -> None:
    song = write_wav(tmp_path / "song.wav", tone(2.0)).read_bytes()
    first = neuralib("separate", *MODEL["separate"], "-", "--stems", "other", "-o", "-", stdin=song)
    assert first.status == 0
    assert first.stdout[:4] == b"RIFF"
    second = neuralib("midi", "-", "--format", "json", stdin=first.stdout)
    assert second.status == 0, second.stderr
    assert "notes" in json.loads(second.stdout)
    assert not list(tmp_path.glob("stdin*"))


def test_standard_input_has_a_name_for_its_results(neuralib: Command, tmp_path: Path) -> None:
    song = write_wav(tmp_path / "song.wav", tone(1.0)).read_bytes()
    (record,) = neuralib("midi", "-", "--json", stdin=song).records
    assert (record["input"], record["outputs"][0]["path"]) == ("-", "stdin.mid")


def test_empty_standard_input_is_a_failed_input(neuralib: Command) -> None:
    done = neuralib("midi", "-", stdin=b"")
    assert done.status == 1
    assert done.errors[0].startswith("error: standard input ")


@pytest.mark.parametrize("words", [["one.wav", "one.wav"], [".", "one.wav"]])
def test_an_input_given_twice_writes_two_results(
    neuralib: Command, tmp_path: Path, words: list[str]
) -> None:
    write_wav(tmp_path / "one.wav", tone(0.5))
    done = neuralib("midi", *words)
    assert len(set(done.lines)) == 2
