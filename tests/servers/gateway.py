"""`neuralib serve` as a process of its own, with the micro models."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from neuralib.models.store import Store

ROOT = Path(__file__).parent.parent.parent
MICRO = ROOT / "tests" / "micro"
MICRO_MODELS = {
    "htdemucs-micro": MICRO / "htdemucs_micro.safetensors",
    "whisper-micro": MICRO / "whisper_micro.pt",
}
"""Names by which a cluster of the tests knows the micro checkpoints."""


class Gateway:
    """A gateway that runs until it is stopped."""

    def __init__(self, folder: Path, environment: dict[str, str], *words: str) -> None:
        self.folder = folder
        self.log = folder / "gateway.log"
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "neuralib", "serve", "--port", "0", *words],
                stdout=subprocess.PIPE,
                stderr=log,
                cwd=folder,
                env=environment | {"PYTHONPATH": str(ROOT)},
            )
        assert self.process.stdout
        self.url = self.process.stdout.readline().decode().strip()
        if not self.url:
            self.process.wait()
            raise AssertionError(f"no gateway: {self.log.read_text()}")

    @property
    def port(self) -> str:
        return self.url.rpartition(":")[2]

    def stop(self) -> int:
        """End it as a service manager does."""
        self.process.send_signal(signal.SIGTERM)
        assert self.process.stdout
        self.process.stdout.close()
        return self.process.wait()


def user_environment(home: Path, models_dir: Path) -> dict[str, str]:
    """The environment of a user who has just installed NeuraLib and has no network."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("NEURALIB_", "XDG_", "PYTHON"))
    }
    return kept | {
        "HOME": str(home),
        "NEURALIB_DATA_DIR": str(home / "data"),
        "NEURALIB_MODELS_DIR": str(models_dir),
        "NEURALIB_OFFLINE": "1",
    }


@pytest.fixture(scope="session")
def micro_models(models_dir: Path) -> Path:
    """The models folder, in which the micro checkpoints have names."""
    store = Store(models_dir, offline=True)
    for name, path in MICRO_MODELS.items():
        store.import_(path, name)
    return models_dir


@pytest.fixture(scope="session")
def gateway_environment(
    tmp_path_factory: pytest.TempPathFactory, micro_models: Path
) -> dict[str, str]:
    return user_environment(tmp_path_factory.mktemp("gateway-home"), micro_models)


@pytest.fixture(scope="session")
def gateway(
    tmp_path_factory: pytest.TempPathFactory, gateway_environment: dict[str, str]
) -> Iterator[Gateway]:
    """One gateway for all tests, with a worker in its process."""
    started = Gateway(tmp_path_factory.mktemp("gateway"), gateway_environment)
    yield started
    assert started.stop() == 0


@pytest.fixture
def idle_gateway(tmp_path_factory: pytest.TempPathFactory, micro_models: Path) -> Iterator[Gateway]:
    """A gateway of the test's own, on which no job ever runs."""
    folder = tmp_path_factory.mktemp("idle-gateway")
    started = Gateway(folder, user_environment(folder, micro_models), "--no-worker")
    yield started
    assert started.stop() == 0


def words_of(task: str) -> Sequence[str]:
    """Name a model that the gateways of the tests have."""
    names = {"separate": "htdemucs-micro", "transcribe": "whisper-micro"}
    return ["--model", names[task]] if task in names else []
