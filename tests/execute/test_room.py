"""What cannot fit on the disk is told before a model computes anything."""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, NoReturn

import pytest

from neuralib.audio.encode import open_writer
from neuralib.audio.tags import Tags
from neuralib.errors import OutputError
from neuralib.execute.room import check_room, check_temporary_room
from neuralib.execute.separate import run_separate
from neuralib.execute.sink import FolderSink, StreamSink
from neuralib.execute.source import Source
from neuralib.execute.stem_files import open_stem_files
from neuralib.execute.stem_format import StemFormat
from neuralib.progress import silent
from neuralib.tasks import Clip, SeparateTask
from tests.audio_files import noise, write_wav
from tests.conftest import MODEL, Command
from tests.execute.engines import Gains, alone

MB = 1_000_000


class Usage(NamedTuple):
    total: int
    used: int
    free: int


def leave(monkeypatch: pytest.MonkeyPatch, free: int) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10**12, 10**12 - free, free))


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """A file system of two megabytes, where this user may mount one."""
    with tempfile.TemporaryDirectory() as name:
        words = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", name]
        if not sys.platform.startswith("linux") or os.geteuid() != 0:
            pytest.skip("only root on Linux may mount a small file system")
        if subprocess.run(words, capture_output=True, check=False).returncode:
            pytest.skip("this machine does not let root mount a file system")
        try:
            yield Path(name)
        finally:
            subprocess.run(["umount", name], check=True)


def test_what_is_needed_and_what_is_free_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    leave(monkeypatch, 5 * MB)
    check_room(tmp_path, 5 * MB, "the stems")
    with pytest.raises(OutputError) as told:
        check_room(tmp_path, 2.54e9, "the stems")
    assert told.value.message == (
        f"the stems need 2.5 GB on the disk, and 5.0 MB are free; free some space in "
        f"{str(tmp_path)!r}, or choose another place (-o for results, TMPDIR for temporary files)"
    )


@pytest.mark.parametrize("clip", ["rescale", "clamp"])
def test_room_is_looked_for_before_the_model_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clip: Clip
) -> None:
    class Unused(Gains):
        def separate(self, *arguments: object, **options: object) -> NoReturn:
            raise AssertionError("the model was started")

    song = write_wav(tmp_path / "song.wav", noise(44100))
    task, source = SeparateTask(clip=clip), Source(song, "song")
    engine = Unused(vocals=0.5, drums=0.5)
    leave(monkeypatch, MB // 4)
    with (
        pytest.raises(OutputError, match=r"the stems need .* 250\.0 kB are free"),
        FolderSink(tmp_path / "out") as sink,
    ):
        run_separate(task, source, sink, silent, engine, alone())
    assert not (tmp_path / "out").exists()
    leave(monkeypatch, 2 * MB)
    with pytest.raises(AssertionError, match="started"), FolderSink(tmp_path / "out") as sink:
        run_separate(task, source, sink, silent, engine, alone())


def test_a_disk_that_does_not_tell_has_room(tmp_path: Path) -> None:
    check_room(tmp_path / "gone", 1e18, "the stems")


@pytest.mark.parametrize("format", ["wav", "flac", "mp3", "ogg", "opus", "m4a"])
def test_no_more_room_is_asked_for_than_loud_music_takes(tmp_path: Path, format: str) -> None:
    seconds = 10
    path = tmp_path / "song"
    with open_writer(path, format=format, sample_rate=44100, channels=2) as writer:
        writer.write(noise(44100 * seconds))
    shape = StemFormat(format, 44100, 2, 16)
    taken = path.stat().st_size
    assert 0.25 * taken < shape.least_bytes(seconds) < 1.001 * taken


@pytest.mark.parametrize(
    ("clip", "depth", "needed"),
    [("rescale", 16, 48), ("clamp", 16, 16), ("error", 24, 24), ("rescale", 32, 32)],
)
def test_floats_that_wait_for_their_level_count(
    tmp_path: Path, clip: Clip, depth: int, needed: int
) -> None:
    shape = StemFormat("wav", 44100, 2, depth)
    names = [f"{stem}.wav" for stem in "abcd"]
    with FolderSink(tmp_path) as sink, open_stem_files(sink, names, shape, clip, Tags()) as files:
        assert files.needed_bytes(1.0) == pytest.approx(44100 * needed)
        files.finish(lambda _: None)


def test_a_stream_needs_room_for_temporary_files(monkeypatch: pytest.MonkeyPatch) -> None:
    leave(monkeypatch, 1000)
    with (
        open(os.devnull, "wb") as stream,
        StreamSink(stream) as sink,
        pytest.raises(OutputError, match=r"need 1\.0 MB .* 1\.0 kB are free.*TMPDIR"),
    ):
        sink.check_room(MB, "the stems")


def test_a_header_that_promises_hours_asks_for_no_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "song.mp3"
    with open_writer(path, format="mp3", sample_rate=44100, channels=2) as writer:
        writer.write(noise(44100))
    lying = bytearray(path.read_bytes())
    struct.pack_into(">I", lying, lying.index(b"Xing") + 8, 10_000_000)
    path.write_bytes(lying)
    source = Source(path, "song")
    assert (source.probe().seconds or 0) > 200_000
    leave(monkeypatch, 100 * MB)
    check_temporary_room(source, 150_000, "activations")
    leave(monkeypatch, MB // 10)
    with pytest.raises(OutputError, match="activations need"):
        check_temporary_room(source, 150_000, "activations")


def test_a_full_disk_fails_the_inputs_that_do_not_fit(
    neuralib: Command, tmp_path: Path, small_disk: Path
) -> None:
    write_wav(tmp_path / "long.wav", noise(44100 * 10))
    write_wav(tmp_path / "short.wav", noise(4410))
    words = ["separate", *MODEL["separate"], "long.wav", "short.wav", "-o", small_disk, "--json"]
    done = neuralib(*words)
    assert done.status == 1
    long, short = done.records
    assert (long["status"], short["status"]) == ("failed", "done")
    assert long["error"]["code"] == "output"
    # Four stems of 10 s as floats and as 16 bits.
    assert "the stems need 21.2 MB on the disk, and 2." in long["error"]["message"]
    assert sorted(path.name for path in small_disk.iterdir()) == ["short"]


def test_notes_need_room_for_activations(
    neuralib: Command, tmp_path: Path, small_disk: Path
) -> None:
    write_wav(tmp_path / "long.wav", noise(8000 * 20, channels=1), 8000)
    done = neuralib("midi", "long.wav", TMPDIR=str(small_disk))
    assert done.status == 1
    assert "activations need 3.0 MB on the disk, and 2." in done.errors[0]
    assert not (tmp_path / "long.mid").exists()
