"""`neuralib models …` from outside; the store's own tests are in `tests/models`."""

from __future__ import annotations

from pathlib import Path

from tests.conftest import HTDEMUCS, Command


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
