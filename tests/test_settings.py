"""Where settings come from, and what wins."""

from __future__ import annotations

from pathlib import Path

import pytest

from neuralib import settings
from neuralib.errors import UsageError
from neuralib.settings import config_files, load_settings


@pytest.fixture(autouse=True)
def empty_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MODELS_DIR", "DATA_DIR", "DEVICE", "OFFLINE", "HUB_URL"):
        monkeypatch.delenv(f"NEURALIB_{name}", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home" / "config"))
    monkeypatch.chdir(tmp_path)


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def test_argument_wins_over_environment_over_files(monkeypatch: pytest.MonkeyPatch) -> None:
    user, local = config_files()
    assert load_settings().device == "auto"
    write(user, 'device = "mps"\noffline = true\n')
    assert load_settings().device == "mps"
    write(local, 'device = "cuda"\n')
    assert load_settings().device == "cuda"
    assert load_settings().offline
    monkeypatch.setenv("NEURALIB_DEVICE", "cuda:1")
    assert load_settings().device == "cuda:1"
    assert load_settings(device="cpu").device == "cpu"
    assert load_settings(device=None).device == "cuda:1"


def test_models_are_in_the_data_folder_unless_said_otherwise(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("NEURALIB_DATA_DIR", "/data")
    assert load_settings().models_folder == Path("/data/models")
    monkeypatch.setenv("NEURALIB_MODELS_DIR", "~/weights")
    assert load_settings().models_folder == Path.home() / "weights"


def test_a_mistyped_variable_is_warned_of_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    settings._check_variable.cache_clear()
    monkeypatch.setenv("NEURALIB_MODEL_DIR", "/weights")
    monkeypatch.setenv("NEURALIB_COLOUR", "red")
    monkeypatch.setenv("NEURALIB_DEVICE", "cpu")
    monkeypatch.setenv("NEURALIB_TEST_REDIS_URL", "redis://host")
    for _ in range(2):
        load_settings()
    assert sorted(caplog.messages) == [
        "the environment variable NEURALIB_COLOUR is no setting, and is ignored; the settings are "
        + ", ".join(f"NEURALIB_{name.upper()}" for name in settings.Settings.model_fields),
        "the environment variable NEURALIB_MODEL_DIR is no setting, and is ignored; is it "
        "NEURALIB_MODELS_DIR?",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("device = 3", "setting device .*NEURALIB_DEVICE.*got 3"),
        ("offline = 'perhaps'", "setting offline .*got 'perhaps'"),
        ("colour = 'red'", "no setting 'colour'; the settings are data_dir"),
        ("device = ", "cannot read neuralib.toml"),
    ],
)
def test_wrong_config_file_is_told(text: str, message: str) -> None:
    write(Path("neuralib.toml"), text)
    with pytest.raises(UsageError, match=message):
        load_settings()
