"""What a worker looks at before it takes jobs, with a real child."""

from __future__ import annotations

import pytest

from neuralib.errors import DeviceMissing, UsageError
from neuralib.workers.checks import check_models
from neuralib.workers.child import Child
from neuralib.workers.compute import open_engines
from neuralib.workers.main import run_worker
from tests.workers.cluster import Cluster
from tests.workers.engine_openers import open_broken


def test_missing_models_are_named(laptop: Cluster, caplog: pytest.LogCaptureFixture) -> None:
    child = Child(laptop.settings.model_copy(update={"device": "cpu"}), open_engines)
    errors = check_models(child, ("separate", "midi", "transcribe"))
    child.close()
    assert [error.code for error in errors] == ["model_missing", "model_missing"]
    assert "separate: model htdemucs is not here" in caplog.text
    assert "neuralib models pull small" in caplog.text


def test_a_worker_does_not_start_without_its_device(servers: Cluster) -> None:
    settings = servers.settings.model_copy(update={"device": "cuda:99"})
    with pytest.raises(DeviceMissing, match="cuda:99"):
        run_worker(settings, ("midi",))


def test_a_wrong_name_of_a_device_is_told(servers: Cluster) -> None:
    settings = servers.settings.model_copy(update={"device": "gpu"})
    with pytest.raises(UsageError, match="gpu"):
        run_worker(settings, ("midi",))


def test_a_child_that_cannot_start_is_told(
    laptop: Cluster, caplog: pytest.LogCaptureFixture
) -> None:
    child = Child(laptop.settings, open_broken)
    [error] = check_models(child, ("midi",))
    child.close()
    assert error.code == "internal"
    assert "status 7" in error.message
