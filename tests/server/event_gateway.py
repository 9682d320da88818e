"""A gateway whose events are tested, in a thread or (as a command) in a process."""

from __future__ import annotations

import os
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import uvicorn
from fastapi import FastAPI
from pydantic import SecretStr

from neuralib.jobs.ids import new_id
from neuralib.jobs.job import Job
from neuralib.jobs.sample import Sample
from neuralib.server import event_stream
from neuralib.server.app import create_app
from neuralib.server.connection import Connection
from neuralib.server.serve import serve
from neuralib.service.parts import Parts, opened_parts
from neuralib.service.runs import Runs
from neuralib.service.service import Service
from neuralib.settings import Settings
from neuralib.tasks import MidiTask
from tests.servers.redis import free_port

TENANT = "local"


def settings_of(folder: Path, redis_url: str | None) -> Settings:
    return Settings(data_dir=folder, redis_url=SecretStr(redis_url) if redis_url else None)


class Server(uvicorn.Server):
    """Serves from a thread, as `neuralib serve` does from a process."""

    def __init__(self, app: FastAPI, port: int) -> None:
        super().__init__(
            uvicorn.Config(app, port=port, http=Connection, log_config=None, lifespan="on")
        )
        self.app = app

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self.app.state.stopping.set()
        await super().shutdown(sockets)


@dataclass
class Gateway:
    """A server in a thread of this process, and what it serves."""

    parts: Parts
    port: int
    app: FastAPI

    @property
    def service(self) -> Service:
        service: Service = self.app.state.service
        return service

    @property
    def runs(self) -> Runs:
        return Runs(self.parts)

    def submit(self, tenant: str = TENANT, number: int = 1) -> Job:
        """Queue a job on a sample that has no bytes."""
        job, _ = self.service.submit(
            tenant, MidiTask(), a_sample(self.parts, tenant).id, force=True
        )
        return job


def a_sample(parts: Parts, tenant: str) -> Sample:
    sample, _ = parts.samples.add(
        Sample(
            id=new_id("smp"),
            tenant=tenant,
            name="song.wav",
            sha256="0" * 64,
            bytes=1,
            audio_seconds=1.0,
            sample_rate=44100,
            channels=2,
            created_at="2026-01-01T00:00:00Z",
        )
    )
    return sample


@contextmanager
def running(parts: Parts, settings: Settings, *, public: bool = False) -> Iterator[Gateway]:
    app = create_app(parts, settings, public=public)
    server = Server(app, free_port())
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.01)
    try:
        yield Gateway(parts, server.config.port, app)
    finally:
        server.should_exit = True
        thread.join()


def main() -> None:
    """Serve: folder, port, and the address of a Redis or an empty word."""
    folder, port, redis_url = sys.argv[1:]
    event_stream.SEND_TIMEOUT_SECONDS = float(os.environ.get("SEND_TIMEOUT_SECONDS", "30"))
    settings = settings_of(Path(folder), redis_url)
    with opened_parts(settings) as parts:
        serve(settings, parts, port=int(port), listening=lambda address: print(address, flush=True))


if __name__ == "__main__":
    main()
