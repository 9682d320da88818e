"""This machine: what it is, and how fast it multiplies matrices at best."""

from __future__ import annotations

import os
import platform
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks import older

ISA: dict[str, dict[str, str]] = {
    "all": {},
    "avx512": {
        "ONEDNN_MAX_CPU_ISA": "AVX512_CORE_VNNI",
        "CT2_FORCE_CPU_ISA": "AVX512",
    },
    "avx2": {
        "ONEDNN_MAX_CPU_ISA": "AVX2",
        "ATEN_CPU_CAPABILITY": "avx2",
        "MKL_ENABLE_INSTRUCTIONS": "AVX2",
        "CT2_FORCE_CPU_ISA": "AVX2",
    },
}
"""Variables that keep libraries, ours and the peers', from newer instructions.

The matrix products of MLAS have none; onnxruntime uses it on both sides, OpenVINO in float32. Where
the processor can be made to pass for an older one (`benchmarks.older`), they are held back too.
"""

_ROWS = 4096
_TRIES = 8


def instructions(name: str) -> dict[str, str]:
    """Give the environment in which processes use the instructions of `ISA[name]` alone."""
    if name in older.NAMES and older.is_possible():
        return ISA[name] | older.variables(name)
    return ISA[name]


def describe() -> dict[str, Any]:
    """Tell what the page says about the machine."""
    flags = _cpuinfo("flags").split()
    told = ("avx2", "avx512f", "avx512_vnni", "amx_bf16", "amx_int8")
    return {
        "processor": _cpuinfo("model name") or platform.processor() or platform.machine(),
        "cores": len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else os.cpu_count(),
        "instructions": [flag for flag in told if flag in flags],
        "memory_gib": _memory_gib(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
    }


def gflop_per_second(precision: str) -> float:
    """Measure the best rate of a large product of matrices, all cores, by PyTorch (oneDNN).

    Args:
        precision: `fp32` or `bf16`.
    """
    import torch

    dtype = {"fp32": torch.float32, "bf16": torch.bfloat16}[precision]
    torch.set_num_threads(int(describe()["cores"]))
    left, right = (torch.rand(_ROWS, _ROWS).to(dtype) for _ in range(2))
    best = min(_seconds(left, right) for _ in range(_TRIES))
    return float(2 * _ROWS**3 / best / 1e9)


def load() -> float:
    """Give the load of the last minute, in cores."""
    return round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else float("nan")


def _seconds(left: Any, right: Any) -> float:
    started = time.perf_counter()
    left @ right
    return time.perf_counter() - started


def _cpuinfo(name: str) -> str:
    path = Path("/proc/cpuinfo")
    if not path.exists():
        return ""
    for line in path.read_text().splitlines():
        key, _, value = line.partition(":")
        if key.strip() == name:
            return value.strip()
    return ""


def _memory_gib() -> int | None:
    if sys.platform != "linux":
        return None
    return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30)
