"""Run a command and measure it from outside."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
NEURALIB = [sys.executable, "-m", "neuralib"]

_PROC = Path("/proc")
_PAUSE_SECONDS = 0.1


@dataclass(frozen=True)
class Cost:
    """What one run of a command took."""

    seconds: float
    """Wall-clock time."""
    cpu_seconds: float
    peak_mb: float
    """Greatest resident memory, in MB (10^6 bytes); of all its processes together on Linux."""


def measure(words: list[str], cwd: Path, environment: Mapping[str, str] | None = None) -> Cost:
    """Run `words` in `cwd` with its output thrown away; raise where it fails."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)} | (environment or {})
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # installed programs are compiled
    started = time.perf_counter()
    with subprocess.Popen(
        words, cwd=cwd, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    ) as process:
        assert process.stderr
        tree = _Tree(process.pid)
        try:
            errors = process.stderr.read().decode(errors="replace")
            _, status, usage = os.wait4(process.pid, 0)
        except BaseException:
            process.kill()
            raise
        process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - started
    if process.returncode:
        raise RuntimeError(f"{' '.join(words)} ended with {process.returncode}: {errors[-500:]}")
    # Linux counts into `ru_maxrss` what we held ourselves when we forked.
    peak = tree.end() if sys.platform == "linux" else _in_bytes(usage.ru_maxrss)
    return Cost(seconds, usage.ru_utime + usage.ru_stime, peak / 1e6)


def _in_bytes(ru_maxrss: int) -> int:
    return ru_maxrss * (1 if sys.platform == "darwin" else 1024)


class _Tree(threading.Thread):
    """Adds up the memory of a process and of all that it started, now and then.

    Of each process the system remembers the peak itself, so that of one alone none is missed.
    """

    def __init__(self, root: int) -> None:
        super().__init__(daemon=True)
        self._root = root
        self._most = 0
        self._ended = threading.Event()
        self.start()

    def run(self) -> None:
        while not self._ended.wait(_PAUSE_SECONDS):
            memory = [_memory(pid) for pid in _family(self._root)]
            now, peaks = zip(*memory, strict=True)
            self._most = max(self._most, sum(now), *peaks)

    def end(self) -> int:
        """Give the most bytes seen."""
        self._ended.set()
        self.join()
        return self._most


def _family(pid: int) -> list[int]:
    """Give a process and its descendants; nothing where it has ended, or on other systems."""
    found = [pid]
    for each in found:
        try:
            for thread in (_PROC / str(each) / "task").iterdir():
                found += map(int, (thread / "children").read_text().split())
        except OSError:
            continue
    return found


def _memory(pid: int) -> tuple[int, int]:
    """Give the resident bytes of a process, now and at most; none where it has ended."""
    try:
        lines = (_PROC / str(pid) / "status").read_text().splitlines()
    except OSError:
        return 0, 0
    told = dict(line.split(":", 1) for line in lines)
    now, most = (int(told.get(key, "0").split()[0]) for key in ("VmRSS", "VmHWM"))
    return 1024 * now, 1024 * most
