"""Basic Pitch's graph, which ships inside its Python distribution."""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import subprocess
import sys
from pathlib import Path

from neuralib.errors import DownloadError, MissingError
from neuralib.models.catalogue import BASIC_PITCH


def find_in_distribution(file: str, requirement: str = BASIC_PITCH) -> Path | None:
    """Find a file of an installed distribution by its name, without importing anything of it.

    Importing `basic_pitch` takes over a second and looks for TensorFlow.
    """
    try:
        distribution = importlib.metadata.distribution(requirement.partition("==")[0])
    except importlib.metadata.PackageNotFoundError:
        return None
    for each in distribution.files or ():
        if each.name == file:
            path = Path(str(distribution.locate_file(each)))
            return path if path.is_file() else None
    return None


def install_distribution(requirement: str = BASIC_PITCH) -> None:
    """Install a distribution with this Python's pip, and nothing that it depends on.

    What basic-pitch depends on is TensorFlow, which its graph does not need and which newer
    Pythons have no wheel of.

    Raises:
        MissingError: where this Python has no pip.
        DownloadError: where pip fails.
    """
    if importlib.util.find_spec("pip") is None:
        raise MissingError(
            f"{sys.executable} has no pip to install {requirement} with; run `{sys.executable} -m "
            f"ensurepip`, or `uv pip install --no-deps {requirement}`"
        )
    quiet = ["--quiet", "--no-input", "--disable-pip-version-check"]
    command = [sys.executable, "-m", "pip", "install", *quiet, "--no-deps", requirement]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    if done.returncode:
        reason = (done.stderr.strip() or done.stdout.strip() or "no reason given").splitlines()[-1]
        raise DownloadError(
            f"pip cannot install {requirement}: {reason}; try `{sys.executable} -m pip install "
            f"--no-deps {requirement}` to see all, or bring nmp.onnx here and run `neuralib models "
            "import nmp.onnx`"
        )
    importlib.invalidate_caches()
