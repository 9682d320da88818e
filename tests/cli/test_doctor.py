"""`neuralib doctor` tells what is here and what to do about the rest."""

from __future__ import annotations

from tests.conftest import Command


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
    (device,) = [check for check in done.records if check["name"] == "device"]
    assert device["found"] == "cpu means cpu, precision auto means fp32"


def test_table_is_whole_where_no_terminal_reads_it(neuralib: Command) -> None:
    done = neuralib("doctor")
    assert "2 things are missing." in done.stdout.decode()
    assert "…" not in done.stdout.decode()
