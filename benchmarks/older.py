"""Let this processor pass for an older one, for us and the peers alike: `older.c`.

The libraries have variables of their own that keep them from newer instructions, but not for all of
their kernels: the float32 products of OpenVINO and onnxruntime (MLAS) know none. An answer of the
processor itself reaches them all.
"""

from __future__ import annotations

import ctypes
import os
import platform
import shutil
import subprocess
import sys

from benchmarks.process import ROOT

NAMES = ("avx512", "avx2")
"""AVX-512 with VNNI, but neither AMX nor bfloat16; and AVX2 without VNNI."""

_SOURCE = ROOT / "benchmarks" / "older.c"
_LIBRARY = ROOT / "build" / "older.so"
_ARCH_PRCTL, _ARCH_SET_CPUID, _ON = 158, 0x1012, 1


def is_possible() -> bool:
    """Whether processor and system let CPUID fault, and a C compiler is here."""
    if sys.platform != "linux" or platform.machine() != "x86_64" or not shutil.which("cc"):
        return False
    failed: int = ctypes.CDLL(None).syscall(_ARCH_PRCTL, _ARCH_SET_CPUID, _ON)
    return not failed


def variables(name: str) -> dict[str, str]:
    """Give the environment in which a new process finds a processor of `NAMES`."""
    if not _LIBRARY.exists() or _LIBRARY.stat().st_mtime < _SOURCE.stat().st_mtime:
        _LIBRARY.parent.mkdir(exist_ok=True)
        draft = _LIBRARY.with_suffix(f".{os.getpid()}")
        words = ["cc", "-O2", "-Wall", "-shared", "-fPIC", "-o", str(draft), str(_SOURCE)]
        subprocess.run(words, check=True)
        draft.replace(_LIBRARY)
    return {"LD_PRELOAD": str(_LIBRARY), "OLDER_PROCESSOR": name}
