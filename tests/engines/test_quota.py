"""As many cores as a container has time of."""

from __future__ import annotations

from pathlib import Path

import pytest

from neuralib.engines import device
from neuralib.engines.quota import quota


def write(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="ascii")
    return root


TOP = "sys/fs/cgroup"


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, None),
        ({"proc/self/cgroup": "0::/\n", f"{TOP}/cpu.max": "150000 100000\n"}, 1.5),
        ({"proc/self/cgroup": "0::/\n", f"{TOP}/cpu.max": "max 100000\n"}, None),
        ({"proc/self/cgroup": "0::/a/b\n", f"{TOP}/a/b/cpu.max": "max 100000\n"}, None),
        (
            {
                "proc/self/cgroup": "0::/a/b\n",
                f"{TOP}/a/b/cpu.max": "300000 100000\n",
                f"{TOP}/a/cpu.max": "200000 100000\n",
            },
            2,
        ),
        (
            {
                "proc/self/cgroup": "5:memory:/x\n4:cpu,cpuacct:/x\n0::/\n",
                f"{TOP}/cpu,cpuacct/x/cpu.cfs_quota_us": "50000\n",
                f"{TOP}/cpu,cpuacct/x/cpu.cfs_period_us": "100000\n",
            },
            0.5,
        ),
        (
            {
                "proc/self/cgroup": "4:cpu,cpuacct:/\n",
                f"{TOP}/cpu,cpuacct/cpu.cfs_quota_us": "-1\n",
                f"{TOP}/cpu,cpuacct/cpu.cfs_period_us": "100000\n",
            },
            None,
        ),
    ],
)
def test_time_of_control_groups(
    tmp_path: Path, files: dict[str, str], expected: float | None
) -> None:
    assert quota(write(tmp_path, files)) == expected


@pytest.mark.parametrize(("time", "count"), [(0.5, 1), (1.2, 2), (10_000, None), (None, None)])
def test_cores(monkeypatch: pytest.MonkeyPatch, time: float | None, count: int | None) -> None:
    monkeypatch.setattr(device, "quota", lambda: None)
    all_of_them = device.cores()
    monkeypatch.setattr(device, "quota", lambda: time)
    assert device.cores() == min(count or all_of_them, all_of_them)
