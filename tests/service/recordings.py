"""Samples for tests of the service."""

from __future__ import annotations

import hashlib
import secrets
from pathlib import Path

from neuralib.jobs.job import Job, JobResult
from neuralib.jobs.sample import Sample
from neuralib.service.service import Service
from neuralib.tasks import MidiTask
from tests.server.gateway import song

RESULT = JobResult(audio_seconds=0.1, seconds=0.01, device="cpu", precision="fp32")


def new_tenant() -> str:
    """Somebody whom no other test knows."""
    return f"tenant-{secrets.token_hex(4)}"


def add_song(service: Service, folder: Path, tenant: str, name: str = "song.wav") -> Sample:
    path = folder / "song"
    path.write_bytes(song())
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    sample, is_new = service.add_sample(tenant, path, name, sha256)
    assert is_new
    return sample


def submitted(service: Service, folder: Path, tenant: str, tempo_bpm: float = 120.0) -> Job:
    sample = add_song(service, folder, tenant)
    job, _ = service.submit(tenant, MidiTask(tempo_bpm=tempo_bpm), sample.id)
    return job
