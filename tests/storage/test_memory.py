"""Objects are streamed: their size is no matter."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

_BYTES = 300 * 1024 * 1024
_GROWTH_KIB = 32 * 1024
"""An upload keeps one part of 8 MiB and its copy on the way out."""

_CODE = """
import sys
from pathlib import Path
from neuralib.settings import Settings
from neuralib.storage.open import open_storage

def peak_kib():
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1])

url, folder, key = sys.argv[1:]
storage = open_storage(Settings(storage_url=url))
storage.put(key, Path(folder, "small"))
storage.fetch(key, Path(folder, "fetched"))
before = peak_kib()
storage.put(key, Path(folder, "large"))
after_put = peak_kib()
storage.fetch(key, Path(folder, "fetched"))
print(after_put - before, peak_kib() - before)
"""


@pytest.mark.parametrize("form", ["folder", "s3"])
def test_memory_does_not_grow_with_an_object(
    form: str, request: pytest.FixtureRequest, tmp_path: Path, prefix: str
) -> None:
    url = request.getfixturevalue("storage_url") if form == "s3" else (tmp_path / "s").as_uri()
    (tmp_path / "small").write_bytes(b"x")
    with (tmp_path / "large").open("wb") as file:
        file.truncate(_BYTES)
        file.write(b"begins")
    done = subprocess.run(
        [sys.executable, "-c", _CODE, url, str(tmp_path), f"{prefix}/audio"],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    put, both = map(int, done.stdout.split())
    print(f"{form}: {put} KiB more for put, {both} KiB for put and fetch")
    assert both < _GROWTH_KIB
    assert _sha256(tmp_path / "fetched") == _sha256(tmp_path / "large")


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
