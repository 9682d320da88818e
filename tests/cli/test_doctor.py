"""`neuralib doctor` tells what is here and what to do about the rest."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from neuralib.engines.pool import engine_class
from neuralib.tasks import build_task
from tests.conftest import ROOT, Command
from tests.servers.gateway import Gateway


def test_every_missing_model_comes_with_the_command_that_brings_it(neuralib: Command) -> None:
    done = neuralib("doctor", "--json")
    assert done.status == 3
    checks = {check["name"]: check for check in done.records}
    assert checks["basic-pitch (midi)"]["ok"]
    for name in ("htdemucs (separate)", "small (transcribe)"):
        assert not checks[name]["ok"]
        assert checks[name]["advice"] == f"neuralib models pull {name.split()[0]}"
    missing = [check for check in done.records if check["needed"] and not check["ok"]]
    assert all(check["advice"] for check in missing)


def test_auto_is_explained(neuralib: Command) -> None:
    done = neuralib("doctor", "--device", "cpu", "--json")
    found = {check["name"]: check["found"] for check in done.records}
    for kind in ("separate", "midi", "transcribe"):
        best = engine_class(build_task({"kind": kind})).best_precision("cpu")
        assert found[f"device ({kind})"] == f"cpu means cpu, precision auto means {best}"


def test_a_device_is_explained_for_each_task(neuralib: Command) -> None:
    done = neuralib("doctor", "--device", "mps", "--json")
    checks = {check["name"]: check for check in done.records}
    for task in ("midi", "transcribe"):
        assert not checks[f"device ({task})"]["ok"]
        assert "take --device auto" in checks[f"device ({task})"]["advice"]


def test_a_broken_library_is_told_and_the_rest_looked_at(neuralib: Command, tmp_path: Path) -> None:
    (tmp_path / "torch.py").write_text("raise ImportError('libtorch is gone')")
    done = neuralib("doctor", "--json", PYTHONPATH=f"{tmp_path}{os.pathsep}{ROOT}")
    checks = {check["name"]: check for check in done.records}
    assert "libtorch is gone" in checks["device (separate)"]["found"]
    assert "cannot be imported: libtorch is gone" in checks["torch (separate)"]["found"]
    assert checks["torch (separate)"]["advice"] == "pip install --force-reinstall torch"
    assert checks["device (midi)"]["ok"]
    assert checks["basic-pitch (midi)"]["ok"]


@pytest.mark.parametrize("library", ["numpy", "av", "soxr", "onnxruntime"])
def test_whatever_is_broken_the_rest_is_looked_at(
    neuralib: Command, tmp_path: Path, library: str
) -> None:
    (tmp_path / f"{library}.py").write_text("raise ImportError('libgone.so.1')")
    done = neuralib("doctor", "--json", PYTHONPATH=f"{tmp_path}{os.pathsep}{ROOT}")
    assert done.status == 3
    checks = {check["name"].partition(" ")[0]: check for check in done.records}
    assert "cannot be imported: libgone.so.1" in checks[library]["found"]
    assert checks[library]["advice"] == f"pip install --force-reinstall {library}"
    assert checks["htdemucs"]["advice"] == "neuralib models pull htdemucs"
    assert all(check["ok"] or check["advice"] for check in done.records)


def test_openvino_is_not_needed(neuralib: Command, tmp_path: Path) -> None:
    (tmp_path / "openvino.py").write_text("raise RuntimeError('no such processor')")
    done = neuralib("doctor", "--json", PYTHONPATH=f"{tmp_path}{os.pathsep}{ROOT}")
    checks = {check["name"]: check for check in done.records}
    assert "cannot be imported: no such processor" in checks["openvino (speed)"]["found"]
    assert not checks["openvino (speed)"]["needed"]


def test_table_is_whole_where_no_terminal_reads_it(neuralib: Command) -> None:
    done = neuralib("doctor")
    assert "2 things are missing." in done.stdout.decode()
    assert "…" not in done.stdout.decode()


def test_each_part_of_a_cluster_that_is_set_is_looked_at(
    neuralib: Command, gateway: Gateway, redis_url: str, tmp_path: Path
) -> None:
    assert "cluster" not in {check["area"] for check in neuralib("doctor", "--json").records}
    here = {
        "NEURALIB_SERVER": gateway.url,
        "NEURALIB_DATABASE_URL": f"sqlite:///{tmp_path / 'jobs.db'}",
        "NEURALIB_REDIS_URL": redis_url,
        "NEURALIB_STORAGE_URL": f"file://{tmp_path}/storage",
    }
    away = {
        "NEURALIB_SERVER": "http://127.0.0.1:1",
        "NEURALIB_DATABASE_URL": "postgresql://me:secret@127.0.0.1:1/db",
        "NEURALIB_REDIS_URL": "redis://:secret@127.0.0.1:1/0",
        "NEURALIB_STORAGE_URL": "s3://me:secret@127.0.0.1:1/bucket",
    }
    for settings, ok in ((here, True), (away, False)):
        done = neuralib("doctor", "--json", **settings)
        checks = [check for check in done.records if check["area"] == "cluster"]
        assert [check["name"] for check in checks] == ["server", "database", "redis", "storage"]
        assert [check["ok"] for check in checks] == [ok] * 4, checks
        assert [bool(check["advice"]) for check in checks] == [not ok] * 4
        assert b"secret" not in done.stdout
        assert "secret" not in done.stderr
