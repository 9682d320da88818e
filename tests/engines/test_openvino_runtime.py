"""OpenVINO says what the processor does well, and refuses in our words."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from neuralib.engines import openvino_runtime
from neuralib.engines.device import place, torch_devices
from neuralib.errors import CheckpointError, EngineMissing

pytestmark = pytest.mark.skipif(
    not openvino_runtime.is_here(), reason="OpenVINO has no wheel for this machine"
)


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A product of 4 x 64 numbers with 64 x 64 weights."""
    import openvino
    from openvino import opset13 as operations

    rows = operations.parameter([4, 64], np.float32)
    weights = np.random.default_rng(0).standard_normal((64, 64), np.float32)
    product = operations.matmul(rows, operations.constant(weights), False, True)
    path = tmp_path_factory.mktemp("graph") / "product.xml"
    openvino.save_model(openvino.Model([product], [rows]), path, compress_to_fp16=False)
    return path


def test_float32_is_exact(graph: Path) -> None:
    weights = np.random.default_rng(0).standard_normal((64, 64), np.float32)
    rows = np.random.default_rng(1).standard_normal((4, 64), np.float32)
    (product,) = openvino_runtime.compile_graph(graph, "fp32")([rows]).values()
    np.testing.assert_allclose(product, rows @ weights.T, atol=1e-4)


def test_auto_is_what_openvino_computes() -> None:
    best = openvino_runtime.best_precision("cpu")
    assert place("cpu", "auto", torch_devices, openvino_runtime.best_precision).precision == best
    assert openvino_runtime.computes(best)
    assert openvino_runtime.computes("fp32")
    assert openvino_runtime.best_precision("cuda:0") == "fp32"


@pytest.mark.skipif(
    openvino_runtime.best_precision("cpu") != "bf16", reason="this processor has no AMX"
)
@pytest.mark.parametrize("instructions", ["AVX2", "AVX512_CORE", "AVX512_CORE_BF16"])
def test_auto_is_float32_without_tiles(instructions: str) -> None:
    code = (
        "from neuralib.engines import openvino_runtime as runtime;"
        "print(runtime.best_precision('cpu'), runtime.computes('bf16'), runtime.computes('fp16'))"
    )
    environment = os.environ | {"ONEDNN_MAX_CPU_ISA": instructions}
    words = [sys.executable, "-c", code]
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["fp32", str(instructions == "AVX512_CORE_BF16"), "False"]


def test_a_file_that_is_no_graph(tmp_path: Path) -> None:
    path = tmp_path / "broken.xml"
    path.write_text("<net", encoding="utf-8")
    with pytest.raises(CheckpointError, match=r"broken.xml cannot be read as a graph .*remove"):
        openvino_runtime.compile_graph(path, "fp32")


def test_a_graph_without_its_weights(graph: Path, tmp_path: Path) -> None:
    path = tmp_path / "lonely.xml"
    path.write_bytes(graph.read_bytes())
    with pytest.raises(CheckpointError, match="cannot be read"):
        openvino_runtime.compile_graph(path, "fp32")


def test_openvino_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openvino", None)
    openvino_runtime.core.cache_clear()
    with pytest.raises(EngineMissing, match="pip install --force-reinstall openvino"):
        openvino_runtime.core()


accounted = pytest.mark.skipif(
    not Path("/proc/self/smaps").exists(), reason="no account of the memory"
)


def resident(graph: Path) -> list[int]:
    """Give the kilobytes in memory of each mapping of a graph's weights."""
    maps = Path("/proc/self/smaps").read_text(encoding="utf-8").split("Rss:")
    bin = str(graph.with_suffix(".bin"))
    return [int(after.split()[0]) for before, after in pairwise(maps) if bin in before]


@accounted
def test_weights_are_in_memory_once(graph: Path) -> None:
    weights = np.random.default_rng(0).standard_normal((64, 64), np.float32)
    compiled = openvino_runtime.compile_graph(graph, "fp32")
    assert set(resident(graph)) == {0}
    rows = np.eye(4, 64, dtype=np.float32)
    (product,) = compiled([rows]).values()
    np.testing.assert_allclose(product, weights[:, :4].T, atol=1e-6)


@accounted
def test_weights_that_are_looked_up_leave_the_memory_when_told(tmp_path: Path) -> None:
    import openvino
    from openvino import opset13 as operations

    places = operations.parameter([-1], np.int32)
    table = np.random.default_rng(0).standard_normal((64, 64), np.float32)
    chosen = operations.gather(operations.constant(table), places, operations.constant(np.int64(0)))
    path = tmp_path / "table.xml"
    openvino.save_model(openvino.Model([chosen], [places]), path, compress_to_fp16=False)
    compiled = openvino_runtime.compile_graph(path, "fp32")
    wanted = np.array([3, 1, 60], np.int32)
    for _ in range(2):
        (found,) = compiled([wanted]).values()
        np.testing.assert_array_equal(found, table[wanted])
        assert max(resident(path)) > 0
        with openvino_runtime.memory_released():
            pass
        assert set(resident(path)) == {0}


@accounted
@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library gives back alone")
def test_what_was_freed_leaves_the_memory_when_told() -> None:
    blocks = [np.ones(8192) for _ in range(2000)]  # 64 KiB each
    del blocks[:-1]  # the last one holds the heap's end
    before = _anonymous_kilobytes()
    with openvino_runtime.memory_released():
        pass
    assert before - _anonymous_kilobytes() > 100_000


def _anonymous_kilobytes() -> int:
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(status.partition("RssAnon:")[2].split()[0])
