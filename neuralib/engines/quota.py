"""How much of the processor a container may use."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

_ROOT = Path("/")


def quota(root: Path = _ROOT) -> float | None:
    """Tell how many cores' time the control groups of this process have, as containers set it.

    Args:
        root: where `proc` and `sys` are.

    Returns:
        The least of all groups that it is in, of version 1 or 2; None: no limit, or not Linux.
    """
    shares = []
    for folder in _groups(root):
        try:
            limit, period = _limit(folder)
            shares.append(float(limit) / float(period))
        except (OSError, ValueError):  # it is not here, or says `max`
            continue
    return min((share for share in shares if share > 0), default=None)


def _groups(root: Path) -> Iterator[Path]:
    """Give the folders of its groups, each with those around it."""
    try:
        lines = (root / "proc/self/cgroup").read_text(encoding="utf-8").splitlines()
    except OSError:
        return
    for line in lines:
        _, names, path = line.split(":", 2)
        if names and "cpu" not in names.split(","):
            continue
        top = root / "sys/fs/cgroup" / names
        folder = top / path.lstrip("/")
        yield folder
        yield from folder.parents[: len(folder.parts) - len(top.parts)]


def _limit(folder: Path) -> list[str]:
    """Read how many microseconds it has in how many."""
    if (folder / "cpu.max").exists():
        return (folder / "cpu.max").read_text(encoding="ascii").split()
    names = "cpu.cfs_quota_us", "cpu.cfs_period_us"
    return [(folder / name).read_text(encoding="ascii") for name in names]
