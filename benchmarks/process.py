"""Run a command and measure it from outside."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
NEURALIB = [sys.executable, "-m", "neuralib"]


@dataclass(frozen=True)
class Cost:
    """What one run of a command took."""

    seconds: float
    """Wall-clock time."""
    cpu_seconds: float
    peak_mb: float
    """Greatest resident memory, in MB (10^6 bytes)."""


def measure(words: list[str], cwd: Path, environment: Mapping[str, str] | None = None) -> Cost:
    """Run `words` in `cwd` with its output thrown away; raise where it fails."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)} | (environment or {})
    started = time.perf_counter()
    with subprocess.Popen(
        words, cwd=cwd, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    ) as process:
        assert process.stderr
        errors = process.stderr.read().decode()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - started
    if process.returncode:
        raise RuntimeError(f"{' '.join(words)} ended with {process.returncode}: {errors[-500:]}")
    scale = 1 if sys.platform == "darwin" else 1024
    return Cost(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * scale / 1e6)
