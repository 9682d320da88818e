"""A file is opened once for its header and its samples, and is closed whatever happens."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from pathlib import Path

import numpy as np
import pytest

from neuralib.audio.decode import Recording, decode, open_recording, probe
from neuralib.audio.encode import open_writer
from neuralib.audio.shape import open_shaped, read
from neuralib.errors import DecodeError, InputError
from tests.audio.splits import join
from tests.audio_files import BAD_INPUTS, make_bad_input, noise, wav_bytes, write_wav

Open = Callable[[Path], AbstractContextManager[Recording]]
OPENERS: dict[str, Open] = {
    "as it is": open_recording,
    "in shape": lambda path: open_shaped(path, 22050, 1),
    "in its own shape": lambda path: open_shaped(path, 44100, 2),
}
FRAMES = 9 * 65536
"""Of a recording whose blocks are made in a thread."""

opened = pytest.mark.parametrize("name", OPENERS)
counted = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="only Linux lists open files as a folder"
)


def handles(folder: Path) -> list[str]:
    """List the files of a folder that this process has open."""
    paths = []
    for descriptor in os.listdir("/proc/self/fd"):
        with suppress(OSError):
            paths.append(os.readlink(f"/proc/self/fd/{descriptor}"))
    return [path for path in paths if path.startswith(str(folder))]


def fail(recording: Recording, blocks: int, error: type[BaseException]) -> None:
    for _ in range(blocks):
        next(recording.blocks)
    raise error


@pytest.mark.skipif(sys.platform == "win32", reason="Windows keeps the names of open files")
@pytest.mark.parametrize("format", ["wav", "flac", "mp3", "ogg", "m4a"])
def test_it_is_opened_once(tmp_path: Path, format: str) -> None:
    path = tmp_path / f"song.{format}"
    with open_writer(path, format=format, sample_rate=44100, channels=2) as writer:
        writer.write(noise(50_000))
    info, samples = probe(path), join(read(path, 22050, 1), 1)
    with open_shaped(path, 22050, 1) as recording:
        path.unlink()
        assert recording.info == info
        np.testing.assert_array_equal(join(recording.blocks, 1), samples)


@counted
@opened
@pytest.mark.parametrize("blocks", [0, 1, 6, 100])
def test_it_is_closed_however_much_was_read(tmp_path: Path, name: str, blocks: int) -> None:
    path = write_wav(tmp_path / "song.wav", noise(FRAMES))
    with OPENERS[name](path) as recording:
        kept = [block for block, _ in zip(recording.blocks, range(blocks), strict=False)]
        assert handles(tmp_path)
    assert not handles(tmp_path)
    del kept


@counted
@opened
@pytest.mark.parametrize("blocks", [0, 1, 6])
@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError])
def test_it_is_closed_when_whoever_reads_fails(
    tmp_path: Path, name: str, blocks: int, error: type[BaseException]
) -> None:
    path = write_wav(tmp_path / "song.wav", noise(FRAMES))
    with pytest.raises(error), OPENERS[name](path) as recording:
        fail(recording, blocks, error)
    # What was raised is still known, and with it all that it went through.
    assert not handles(tmp_path)


@counted
@opened
@pytest.mark.parametrize("at", [0, FRAMES - 1])
def test_it_is_closed_when_reading_fails(tmp_path: Path, name: str, at: int) -> None:
    samples = noise(FRAMES)
    samples[0, at] = np.nan
    path = write_wav(tmp_path / "song.wav", samples, kind="f32")
    with pytest.raises(DecodeError, match="not a number"), OPENERS[name](path) as recording:
        list(recording.blocks)
    assert not handles(tmp_path)


@counted
@pytest.mark.parametrize("name", BAD_INPUTS)
def test_what_cannot_be_read_is_closed(tmp_path: Path, name: str) -> None:
    path, error = make_bad_input(name, tmp_path)
    with pytest.raises(error), open_shaped(path, 22050, 1) as recording:
        list(recording.blocks)
    assert not handles(tmp_path)
    with suppress(InputError):
        probe(path)
    assert not handles(tmp_path)


def test_a_clip_starts_no_thread_and_a_song_does(tmp_path: Path) -> None:
    threads = []
    for seconds in (6, 7):
        path = write_wav(tmp_path / "song.wav", noise(44100 * seconds))
        with open_shaped(path, 22050, 1) as recording:
            next(recording.blocks)
            threads.append(sum(each.name.startswith("ahead") for each in threading.enumerate()))
            rest = sum(block.shape[1] for block in recording.blocks)
        assert rest > 22050
    assert threads == [0, 1]


@counted
def test_letting_go_of_samples_closes_it(tmp_path: Path) -> None:
    path = tmp_path / "song.wav"
    path.write_bytes(wav_bytes(noise(FRAMES)))
    for blocks in (decode(path), read(path, 22050, 1)):
        for _ in range(6):
            next(blocks)
        blocks.close()  # type: ignore[attr-defined]
        assert not handles(tmp_path)
