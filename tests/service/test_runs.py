"""What a worker does to a job, where the sample of the job is gone; on both storages."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from neuralib.errors import NotFound
from neuralib.jobs.claim import Claim
from neuralib.service.parts import Parts, opened_parts
from neuralib.service.runs import Runs
from neuralib.service.service import Service
from neuralib.settings import Settings
from neuralib.storage.keys import artifact_key, audio_key
from tests.service.recordings import new_tenant, submitted


@pytest.fixture(params=["folder", "s3"])
def parts(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Parts]:
    settings = Settings(data_dir=tmp_path / "data")
    if request.param == "s3":
        url = SecretStr(request.getfixturevalue("storage_url"))
        settings = settings.model_copy(update={"storage_url": url})
    with opened_parts(settings) as parts:
        yield parts


def stored(parts: Parts, folder: Path) -> tuple[Claim, str]:
    """Begin a run, cancel its job, and store a result of it; tell its key."""
    tenant = new_tenant()
    job = submitted(Service(parts), folder, tenant)
    claim = Runs(parts).claim(job.id, "w1")
    assert claim is not None
    Service(parts).cancel(tenant, job.id)
    (folder / "result").write_bytes(b"la")
    key = artifact_key(tenant, job.sample_id, "0" * 64)
    parts.storage.put(key, folder / "result")
    return claim, key


def test_results_of_a_removed_sample_go_with_it(parts: Parts, tmp_path: Path) -> None:
    claim, key = stored(parts, tmp_path)
    parts.samples.remove(claim.sample.tenant, claim.sample.id)
    Runs(parts).clean_up(claim)
    with pytest.raises(NotFound):
        parts.storage.size(key)


def test_results_of_a_sample_that_is_there_stay(parts: Parts, tmp_path: Path) -> None:
    claim, key = stored(parts, tmp_path)
    Runs(parts).clean_up(claim)
    assert parts.storage.size(key) == 2
    assert parts.storage.size(audio_key(claim.sample.tenant, claim.sample.id)) > 2
