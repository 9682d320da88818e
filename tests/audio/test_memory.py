"""A long file takes the memory of a short one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from neuralib.audio.encode import open_writer
from tests.audio_files import noise

PEAK = """
print(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1])
"""
"""Not `getrusage`: its maximum includes the process that started this one."""

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="only Linux tells a process its peak memory"
)

READ = """
import sys
from pathlib import Path
from neuralib.audio.measure import measure
from neuralib.audio.shape import read
print(measure(read(Path(sys.argv[1]), 16000, 1)).frames)
"""

WRITE = """
import sys
from pathlib import Path
from neuralib.audio.encode import open_writer
from tests.audio_files import noise
block = noise(65536)
with open_writer(Path(sys.argv[1]), format=sys.argv[2], sample_rate=44100, channels=2) as writer:
    for _ in range(int(sys.argv[3])):
        writer.write(block)
"""


def peak(script: str, *words: object) -> int:
    """Run a script in a process of its own; give its greatest memory."""
    done = subprocess.run(
        [sys.executable, "-c", script + PEAK, *map(str, words)],
        capture_output=True,
        check=True,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    return int(done.stdout.split()[-1])


@pytest.fixture(scope="module")
def songs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """One minute and half an hour of mono at 8 kHz."""
    folder = tmp_path_factory.mktemp("songs")
    paths = []
    for minutes in (1, 30):
        paths.append(folder / f"{minutes}.flac")
        block = noise(8000 * 60, channels=1)
        with open_writer(paths[-1], format="flac", sample_rate=8000, channels=1) as writer:
            for _ in range(minutes):
                writer.write(block)
    return paths[0], paths[1]


def test_reading(songs: tuple[Path, Path]) -> None:
    short, long = (peak(READ, song) for song in songs)
    assert long < 1.1 * short


@pytest.mark.parametrize("format", ["wav", "ogg", "m4a"])
def test_writing(tmp_path: Path, format: str) -> None:
    short, long = (peak(WRITE, tmp_path / "x", format, blocks) for blocks in (5, 50))
    assert long < 1.1 * short
