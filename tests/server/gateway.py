"""What tests of the gateway do with it, beside talking HTTP."""

from __future__ import annotations

import hashlib
import io
import itertools
import tempfile
import wave
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
from fastapi import FastAPI

from neuralib.jobs.job import JobArtifact, JobResult
from neuralib.service.parts import Parts
from neuralib.service.runs import Runs
from neuralib.settings import Settings
from neuralib.storage.keys import artifact_key

RESULT = JobResult(audio_seconds=0.1, seconds=0.01, device="cpu", precision="fp32")
_seeds = itertools.count(1)


def song(frames: int = 800) -> bytes:
    """The bytes of a recording that nobody has uploaded yet."""
    noise = np.random.default_rng(next(_seeds)).integers(-9000, 9000, frames, np.int16)
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(8000)
        writer.writeframes(noise.tobytes())
    return file.getvalue()


def upload(http: httpx2.Client, name: str = "song.wav", data: bytes | None = None) -> Any:
    answer = http.post("/v1/samples", params={"name": name}, content=data or song())
    assert answer.status_code in (200, 201), answer.text
    return answer.json()


def submit(http: httpx2.Client, sample_id: str, **task: Any) -> Any:
    body = {"task": {"kind": "midi"} | task, "sample_id": sample_id}
    answer = http.post("/v1/jobs", json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()


@dataclass
class Gateway:
    """A server in a thread of this process."""

    parts: Parts
    settings: Settings
    url: str
    app: FastAPI

    @property
    def uploads(self) -> list[Path]:
        """What is arriving, or was left behind."""
        return list((self.settings.data_dir / "uploads").glob("*"))

    def finish(self, job_id: str, **results: bytes) -> None:
        """Run a job as a worker would; `notes_mid=b"..."` is its artifact `notes.mid`."""
        runs = Runs(self.parts)
        claim = runs.claim(job_id, "test")
        assert claim is not None
        kinds = {"midi": "notes", "separate": "stem", "transcribe": "transcript"}
        artifacts = []
        for name, data in results.items():
            sha256 = hashlib.sha256(data).hexdigest()
            with tempfile.NamedTemporaryFile() as file:
                file.write(data)
                file.flush()
                key = artifact_key(claim.job.tenant, claim.sample.id, sha256)
                self.parts.storage.put(key, Path(file.name))
            artifacts.append(
                JobArtifact(
                    name=name.replace("_", "."),
                    kind=kinds[claim.job.task.kind],  # type: ignore[arg-type]  # one of the three
                    bytes=len(data),
                    sha256=sha256,
                )
            )
        assert runs.finish(job_id, claim.lease, RESULT, artifacts)
