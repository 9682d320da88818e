"""Which GPUs torch may know of, told without torch where that is possible."""

from __future__ import annotations

import _ctypes
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from neuralib.engines.device import Devices, _nvidia_driver

_ASK = (
    "import sys; from neuralib.engines.device import torch_devices;"
    "print(torch_devices(), 'torch' in sys.modules)"
)
_TORCH = """\
from types import SimpleNamespace
cuda = SimpleNamespace(is_available=lambda: True, device_count=lambda: 3)
backends = SimpleNamespace(mps=SimpleNamespace(is_available=lambda: False))
"""
"""What is asked of torch, as it is where there are GPUs."""


def ask(folder: Path) -> str:
    libraries = os.environ.get("LD_LIBRARY_PATH", "")
    environment = os.environ | {
        "PYTHONPATH": str(folder),
        "LD_LIBRARY_PATH": f"{folder}:{libraries}" if libraries else str(folder),
    }
    done = subprocess.run(
        [sys.executable, "-c", _ASK], env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


@pytest.mark.skipif(sys.platform != "linux", reason="the driver is a file of another kind")
@pytest.mark.parametrize(
    ("version", "has_driver", "is_asked"),
    [
        ("cuda = None", True, False),
        ("cuda = None\nhip = None", True, False),
        ("cuda = '13.0'", True, True),
        ("cuda = None\nhip = '7.0'", False, True),
        (None, False, True),
    ],
)
def test_torch_is_asked_only_where_it_may_know_of_a_gpu(
    tmp_path: Path, version: str | None, has_driver: bool, is_asked: bool
) -> None:
    torch = tmp_path / "torch"
    torch.mkdir()
    (torch / "__init__.py").write_text(_TORCH)
    if version is not None:
        (torch / "version.py").write_text(version)
    if has_driver:  # any library will do: it is looked for, not called
        shutil.copy(_ctypes.__file__, tmp_path / "libcuda.so.1")
    nvidia = 3 if is_asked else 0
    assert ask(tmp_path) == f"{Devices(nvidia, apple=False)} {is_asked}"


@pytest.mark.skipif(_nvidia_driver() is not None, reason="there is a driver")
def test_without_a_driver_a_torch_for_gpus_is_not_asked(tmp_path: Path) -> None:
    torch = tmp_path / "torch"
    torch.mkdir()
    (torch / "__init__.py").write_text("raise AssertionError('not to be imported')")
    (torch / "version.py").write_text("cuda = '13.0'")
    assert ask(tmp_path) == f"{Devices(0, apple=False)} False"


def test_the_answer_is_torchs_own(tmp_path: Path) -> None:
    import torch

    nvidia, apple = torch.cuda.device_count(), torch.backends.mps.is_available()
    assert ask(tmp_path).startswith(str(Devices(nvidia, apple)))
