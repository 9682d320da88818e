"""The whole way from file to files takes no more memory for a longer song."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from demucs.demucs import Demucs

from tests.audio_files import noise, write_wav
from tests.conftest import ROOT
from tests.demucs_checkpoints import make_model, save_safetensors

# A child's `ru_maxrss` counts the size of its parent; VmHWM begins anew with the program.
COMMAND = """
import sys
from neuralib.cli.app import app
try:
    app(sys.argv[1:])
finally:
    print(open("/proc/self/status").read(), file=sys.stderr)
"""


@pytest.mark.parametrize("stems", [[], ["--two-stems", "drums"]], ids=["all", "two"])
def test_ten_minutes_take_the_memory_of_one(
    tmp_path: Path, environment: dict[str, str], stems: list[str]
) -> None:
    model = make_model(Demucs, 0, channels=4, depth=2, lstm_layers=0, segment=4)
    save_safetensors(model, tmp_path / "model.safetensors")

    def peak_kb(minutes: int) -> int:
        write_wav(tmp_path / "song.wav", noise(44100 * 60 * minutes))
        words = ["separate", "song.wav", "--model", "model.safetensors", "-q", *stems]
        done = subprocess.run(
            [sys.executable, "-c", COMMAND, *words],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env=environment | {"PYTHONPATH": str(ROOT)},
            check=True,
        )
        found = re.search(r"VmHWM:\s*(\d+) kB", done.stderr)
        assert found
        return int(found[1])

    # The stems of the nine further minutes, or their mix, would be 190 MB or more.
    assert peak_kb(10) < 1.15 * peak_kb(1)
