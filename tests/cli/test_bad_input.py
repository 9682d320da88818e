"""Whatever is wrong with an input: one clear line, the right status, and the rest is done."""

from __future__ import annotations

import resource
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest

from neuralib.audio.decode import decode, probe
from tests.audio_files import (
    AWKWARD_NAMES,
    BAD_INPUTS,
    make_bad_input,
    noise,
    tone,
    wav_bytes,
    write_wav,
)
from tests.conftest import MODEL, NEURALIB, ROOT, Command

TASKS = tuple(MODEL)
STEMS = ("bass.wav", "drums.wav", "other.wav", "vocals.wav")


def files_in(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def results_of(task: str, name: str) -> set[str]:
    if task == "separate":
        return {f"{name}/{stem}" for stem in STEMS}
    return {f"{name}.mid" if task == "midi" else f"{name}.txt"}


@pytest.mark.parametrize("task", TASKS)
def test_bad_inputs_are_told_and_the_rest_is_done(
    neuralib: Command, tmp_path: Path, task: str
) -> None:
    songs = tmp_path / "songs"
    songs.mkdir()
    bad = [make_bad_input(name, songs) for name in BAD_INPUTS]
    good = [write_wav(songs / name, tone(1.0)) for name in ("a first.wav", "z last.wav")]
    words = [good[0], *(path for path, _ in bad), good[1]]
    done = neuralib(task, *MODEL[task], "-o", "out", "--json", *words)
    assert done.status == 1
    assert "Traceback" not in done.stderr
    first, *failed, last = done.records
    assert [record["status"] for record in (first, last)] == ["done", "done"]
    for record, (path, error) in zip(failed, bad, strict=True):
        assert (record["input"], record["status"]) == (str(path), "failed")
        assert record["error"]["code"] == error.code, record
        assert "\n" not in record["error"]["message"]
        assert record["outputs"] == []
    assert len(done.errors) == len(bad)
    assert files_in(tmp_path / "out") == results_of(task, "a first") | results_of(task, "z last")


@pytest.mark.parametrize("task", TASKS)
def test_unusual_audio_just_works(neuralib: Command, tmp_path: Path, task: str) -> None:
    songs = tmp_path / "songs"
    songs.mkdir()
    write_wav(songs / "one sample.wav", tone(1.0)[:, :1])
    write_wav(songs / "telephone.wav", tone(1.0, rate=8000, channels=1), 8000)
    write_wav(songs / "studio.wav", tone(1.0, rate=192_000), 192_000)
    write_wav(songs / "surround.wav", tone(1.0, channels=6))
    done = neuralib(task, *MODEL[task], "-o", "out", "--json", songs)
    assert done.status == 0, done.stderr
    assert {record["status"] for record in done.records} == {"done"}
    names = ("one sample", "telephone", "studio", "surround")
    assert files_in(tmp_path / "out") == {file for name in names for file in results_of(task, name)}
    if task == "separate":
        shapes = {"one sample": (44100, 2, 1), "telephone": (8000, 1, 8000)}
        shapes |= {"studio": (192_000, 2, 192_000), "surround": (44100, 2, 44100)}
        for name, (rate, channels, frames) in shapes.items():
            stem = tmp_path / "out" / name / "vocals.wav"
            info = probe(stem)
            length = sum(block.shape[1] for block in decode(stem))
            assert (info.sample_rate, info.channels, length) == (rate, channels, frames)


@pytest.mark.parametrize("claim", [0, 0xFFFFFFFF])
def test_header_without_a_length_is_read_to_the_end(
    neuralib: Command, tmp_path: Path, claim: int
) -> None:
    content = wav_bytes(tone(2.0))
    at = content.index(b"data") + 4
    (tmp_path / "piped.wav").write_bytes(
        content[:at] + claim.to_bytes(4, "little") + content[at + 4 :]
    )
    done = neuralib("midi", "piped.wav", "--json")
    assert done.status == 0
    assert done.records[0]["audio_seconds"] == 2.0


def test_header_that_promises_too_much_is_warned_of(neuralib: Command, tmp_path: Path) -> None:
    content = wav_bytes(tone(4.0))
    (tmp_path / "short.wav").write_bytes(content[: len(content) // 2])
    done = neuralib("midi", "short.wav", "--json")
    assert done.status == 0
    assert done.records[0]["audio_seconds"] == pytest.approx(2.0, abs=0.01)
    (warning,) = [line for line in done.stderr.splitlines() if line.startswith("warning: ")]
    assert "short.wav" in warning


def test_awkward_names_are_names_like_others(neuralib: Command, tmp_path: Path) -> None:
    songs = tmp_path / "songs"
    songs.mkdir()
    for name in AWKWARD_NAMES:
        write_wav(songs / name, tone(0.5))
    done = neuralib("midi", "-o", tmp_path / "out", "--", *AWKWARD_NAMES, cwd=songs)
    assert done.status == 0, done.stderr
    assert len(done.lines) == len(AWKWARD_NAMES)
    assert all(Path(line).is_file() for line in done.lines)


def test_error_about_an_awkward_name_stays_on_its_line(neuralib: Command) -> None:
    done = neuralib("midi", "gone\n\x1b[31mred.wav")
    assert done.status == 1
    (line,) = done.errors
    assert "\x1b" not in line
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("task", TASKS)
def test_file_in_the_way_of_the_output_folder(neuralib: Command, tmp_path: Path, task: str) -> None:
    write_wav(tmp_path / "song.wav", tone(0.5))
    (tmp_path / "out").write_bytes(b"mine")
    done = neuralib(task, *MODEL[task], "song.wav", "-o", "out/deep")
    assert (done.status, done.stdout) == (1, b"")
    (line,) = done.errors
    assert "cannot write" in line
    assert "-o" in line
    assert (tmp_path / "out").read_bytes() == b"mine"


@pytest.mark.parametrize("format", ["wav", "flac", "mp3", "ogg", "opus", "m4a"])
def test_full_disk_leaves_nothing_half_written(
    environment: dict[str, str], tmp_path: Path, format: str
) -> None:
    write_wav(tmp_path / "song.wav", noise(44100 * 8))
    words = ["separate", *MODEL["separate"], "song.wav", "--stems", "bass", "--format", format]

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))

    done = subprocess.run(
        [*NEURALIB, *words, "-o", "out"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=environment | {"PYTHONPATH": str(ROOT)},
        preexec_fn=limit,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert "song.wav" in line
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 128 + signal.SIGTERM)]
)
def test_interrupt_in_the_middle_leaves_what_is_finished(
    environment: dict[str, str], tmp_path: Path, number: int, status: int
) -> None:
    write_wav(tmp_path / "a short.wav", noise(44100))
    write_wav(tmp_path / "b long.wav", noise(44100 * 90, seed=1))
    words = ["separate", *MODEL["separate"], ".", "-o", "out", "--stems", "drums"]
    process = subprocess.Popen(
        [*NEURALIB, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        env=environment | {"PYTHONPATH": str(ROOT)},
    )
    with process:
        assert process.stdout
        assert process.stdout.readline() == "out/a short/drums.wav\n"
        draft = tmp_path / "out" / "b long"
        while not any(path.stat().st_size > 100_000 for path in draft.glob(".*")):
            time.sleep(0.05)
        process.send_signal(number)
        _, errors = process.communicate()
    assert process.returncode == status
    assert "Traceback" not in errors
    assert files_in(tmp_path / "out") == {"a short/drums.wav"}
    assert not (tmp_path / "out" / "b long").exists()


def test_broken_pipe_is_quiet(environment: dict[str, str], tmp_path: Path) -> None:
    for name in ("a.wav", "b.wav"):
        write_wav(tmp_path / name, tone(0.5))
    process = subprocess.Popen(
        [*NEURALIB, "midi", "a.wav", "b.wav"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        env=environment | {"PYTHONPATH": str(ROOT)},
    )
    with process:
        assert process.stdout
        process.stdout.close()
        assert process.stderr
        assert process.stderr.read() == ""
    assert process.returncode == 1


def test_reader_of_a_result_that_goes_away_is_no_fault_of_ours(
    environment: dict[str, str], tmp_path: Path
) -> None:
    write_wav(tmp_path / "a.wav", noise(44100 * 3))
    with subprocess.Popen(
        [*NEURALIB, "separate", *MODEL["separate"], "a.wav", "--stems", "bass", "-o", "-"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=tmp_path,
        env=environment | {"PYTHONPATH": str(ROOT)},
    ) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 1


@pytest.mark.parametrize(
    ("task", "name", "content", "status"),
    [
        ("separate", "model.safetensors", b"this is no checkpoint", 3),
        ("separate", "model.th", b"", 3),
        ("midi", "model.onnx", b"this is no graph", 3),
        ("transcribe", "model.pt", np.random.default_rng(0).bytes(5000), 3),
    ],
)
def test_checkpoint_that_is_none_is_told_before_anything_starts(
    neuralib: Command, tmp_path: Path, task: str, name: str, content: bytes, status: int
) -> None:
    write_wav(tmp_path / "song.wav", tone(0.5))
    (tmp_path / name).write_bytes(content)
    done = neuralib(task, "song.wav", "--model", name, "-o", "out")
    assert (done.status, done.stdout) == (status, b"")
    (line,) = done.errors
    assert name in line
    assert not (tmp_path / "out").exists()


LONG = "x" * 300
"""Longer than the name of a file may be."""


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (["-o", LONG], 1),
        (["-o", f"out/{LONG}/more"], 1),
        (["--model", LONG], 3),
    ],
)
def test_a_name_that_no_file_can_have(
    neuralib: Command, tmp_path: Path, words: list[str], status: int
) -> None:
    write_wav(tmp_path / "song.wav", tone(0.5))
    done = neuralib("midi", "song.wav", *words)
    assert (done.status, done.stdout) == (status, b"")
    (line,) = done.errors
    assert LONG in line
    assert "fault of NeuraLib" not in line


def test_a_name_that_leaves_no_room_for_a_suffix_is_one_failed_input(
    neuralib: Command, tmp_path: Path
) -> None:
    name = "y" * 251
    for each in (name, "song"):
        write_wav(tmp_path / f"{each}.wav", tone(0.5))
    words = ["midi", f"{name}.wav", "song.wav", "--format", "json", "--skip-existing"]
    done = neuralib(*words, "--json")
    assert [record["status"] for record in done.records] == ["failed", "done"]
    assert done.records[0]["error"]["code"] == "output"
