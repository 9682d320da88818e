"""`neuralib models …` from outside; the store's own tests are in `tests/models`."""

from __future__ import annotations

import os
import re
from pathlib import Path

from tests.conftest import HTDEMUCS, ROOT, Command


def test_list_has_every_model_of_a_task(neuralib: Command) -> None:
    done = neuralib("models", "list", "--task", "midi", "--json")
    assert [record["name"] for record in done.records] == ["basic-pitch"]
    assert done.records[0]["state"] == "present"
    table = neuralib("models", "list").stdout.decode()
    assert "htdemucs_ft" in table
    assert "research only" in table


def test_imported_model_goes_by_its_name(neuralib: Command, tmp_path: Path) -> None:
    folder = {"NEURALIB_MODELS_DIR": str(tmp_path / "models")}
    done = neuralib("models", "import", HTDEMUCS, "--name", "mine", **folder)
    assert (done.status, done.lines) == (0, ["mine"])
    (path,) = neuralib("models", "where", "mine", **folder).lines
    assert Path(path).read_bytes() == HTDEMUCS.read_bytes()
    assert neuralib("models", "verify", "mine", **folder).status == 0
    Path(path).write_bytes(HTDEMUCS.read_bytes()[:-1] + b"?")
    damaged = neuralib("models", "verify", "mine", **folder)
    assert damaged.status == 3
    assert "sha256" in damaged.errors[0]
    assert "neuralib models rm mine" in damaged.errors[0]


def test_verify_without_a_name_looks_at_all_that_is_here(neuralib: Command, tmp_path: Path) -> None:
    folder = {"NEURALIB_MODELS_DIR": str(tmp_path / "models")}
    neuralib("models", "import", HTDEMUCS, "--name", "mine", **folder)
    done = neuralib("models", "verify", **folder)
    assert (done.status, done.stderr) == (0, "")
    assert [Path(line.partition(":")[0]).name for line in done.lines] == ["nmp.onnx", HTDEMUCS.name]
    (path,) = neuralib("models", "where", "mine", **folder).lines
    Path(path).write_bytes(b"damaged")
    damaged = neuralib("models", "verify", **folder)
    assert (damaged.status, len(damaged.lines), len(damaged.errors)) == (3, 1, 1)


def test_verify_with_nothing_here_says_what_to_do(neuralib: Command, tmp_path: Path) -> None:
    # Another basic-pitch goes before the installed one: one that holds no graph.
    empty = tmp_path / "basic_pitch-0.4.0.dist-info"
    empty.mkdir()
    (empty / "METADATA").write_text("Name: basic-pitch\nVersion: 0.4.0\n")
    variables = {
        "NEURALIB_MODELS_DIR": str(tmp_path / "models"),
        "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}",
    }
    done = neuralib("models", "verify", **variables)
    assert (done.status, done.stdout) == (3, b"")
    assert "no model is in" in done.errors[0]
    assert "neuralib models pull" in done.errors[0]


def test_rm_frees_what_was_imported(neuralib: Command, tmp_path: Path) -> None:
    folder = {"NEURALIB_MODELS_DIR": str(tmp_path / "models")}
    neuralib("models", "import", HTDEMUCS, "--name", "mine", **folder)
    done = neuralib("models", "rm", "minne", "mine", "htdemucs", **folder)
    assert (done.status, done.stdout) == (3, b"")
    unknown, freed, missing = done.stderr.splitlines()
    assert "did you mean mine" in unknown
    count = re.fullmatch(r"mine: ([\d,]+) bytes freed", freed)
    assert count
    assert int(count[1].replace(",", "")) >= HTDEMUCS.stat().st_size
    assert "nothing to remove" in missing
    assert neuralib("models", "where", "mine", **folder).status == 3


def test_pull_offline_says_what_would_be_fetched(neuralib: Command) -> None:
    done = neuralib("models", "pull", "htdemucs", "--offline")
    assert (done.status, done.stdout) == (3, b"")
    assert "htdemucs" in done.errors[0]


def test_pull_of_what_is_here_fetches_nothing(neuralib: Command) -> None:
    done = neuralib("models", "pull", "basic-pitch")
    assert done.status == 0
    assert Path(done.lines[0]).name == "nmp.onnx"


def test_unknown_name_is_told(neuralib: Command) -> None:
    done = neuralib("models", "where", "htdemucs_fx")
    assert done.status == 3
    assert "htdemucs_ft" in done.errors[0]
