"""Ends that were committed by a process that died before it told them."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import SecretStr

from neuralib.errors import EventsUnreachable
from neuralib.events.embedded import EmbeddedEvents
from neuralib.service.announce import event_of
from neuralib.service.parts import Parts, opened_parts
from neuralib.service.reconcile import Reconciler
from neuralib.service.runs import Runs
from neuralib.service.service import Service
from neuralib.service.untold import Untold
from neuralib.settings import Settings
from neuralib.tasks import MidiTask
from tests.servers.redis import RedisServer
from tests.service.recordings import RESULT, new_tenant, submitted


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take what has just been committed for settled."""
    monkeypatch.setattr("neuralib.service.untold._SETTLED_SECONDS", 0.0)


def stream(parts: Parts, tenant: str) -> list[tuple[str, str]]:
    entries = parts.events.newest(tenant, 100)
    return [(entry.event.job_id, entry.event.state) for entry in entries]


def test_an_end_that_nobody_told_is_told_once(
    service: Service, parts: Parts, tmp_path: Path
) -> None:
    tenant = new_tenant()
    told = submitted(service, tmp_path, tenant)
    service.cancel(tenant, told.id)
    lost = service.submit(tenant, MidiTask(), told.sample_id)[0].id
    claim = Runs(parts).claim(lost, "w1")
    assert claim is not None
    parts.jobs.finish(lost, claim.lease, RESULT, [])  # and here its worker dies
    before = stream(parts, tenant)
    untold = Untold(parts)
    for each in (untold, untold, Untold(parts)):
        each.tell()
        assert stream(parts, tenant) == [*before, (lost, "done")]


def test_the_end_of_a_run_before_a_retry_is_no_end_of_the_next(
    service: Service, parts: Parts, tmp_path: Path
) -> None:
    tenant = new_tenant()
    job = submitted(service, tmp_path, tenant)
    Runs(parts).claim(job.id, "w1")
    service.cancel(tenant, job.id)
    service.retry(tenant, job.id)
    Runs(parts).claim(job.id, "w1")
    parts.jobs.cancel(tenant, job.id)
    Untold(parts).tell()
    last = parts.events.newest(tenant, 1)[0].event
    assert (last.state, last.attempt) == ("cancelled", 2)


def test_an_outage_of_the_bus_loses_no_end(tmp_path: Path, redis_server: RedisServer) -> None:
    tenant = new_tenant()
    settings = Settings(data_dir=tmp_path / "data", redis_url=SecretStr(redis_server.url))
    with opened_parts(settings) as parts:
        service, untold = Service(parts), Untold(parts)
        kept, retried, removed = (submitted(service, tmp_path, tenant).id for _ in range(3))
        redis_server.stop()
        for job in (kept, retried, removed):
            service.cancel(tenant, job)
        with pytest.raises(EventsUnreachable):
            untold.tell()
        parts.jobs.retry(tenant, retried)
        parts.samples.remove(tenant, service.job(tenant, removed).sample_id)
        redis_server.start()
        untold.tell()
        assert stream(parts, tenant) == [
            *((job, "queued") for job in (kept, retried, removed)),
            (kept, "cancelled"),
        ]


def test_an_end_is_found_behind_many_events(
    service: Service, parts: Parts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("neuralib.service.untold._PAGE", 2)
    tenant = new_tenant()
    job = submitted(service, tmp_path, tenant)
    service.cancel(tenant, job.id)
    other = submitted(service, tmp_path, tenant)
    for _ in range(5):
        parts.events.publish(tenant, event_of(other))
    before = stream(parts, tenant)
    Untold(parts).tell()
    assert stream(parts, tenant) == before


def test_what_ended_before_the_stream_began_is_old_news(
    service: Service, parts: Parts, tmp_path: Path
) -> None:
    tenant = new_tenant()
    parts.jobs.cancel(tenant, submitted(service, tmp_path, tenant).id)
    restarted = replace(parts, events=EmbeddedEvents())
    other = submitted(Service(restarted), tmp_path, tenant)
    Untold(restarted).tell()
    assert stream(restarted, tenant) == [(other.id, "queued")]


def test_a_gateway_looks_too(
    service: Service, parts: Parts, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    tenant = new_tenant()
    parts.jobs.cancel(tenant, submitted(service, tmp_path, tenant).id)
    with caplog.at_level(logging.WARNING):
        Reconciler(parts).sweep()
    assert stream(parts, tenant)[-1][1] == "cancelled"
    assert "told that job" in caplog.text
