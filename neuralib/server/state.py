"""What the routes get of the app that they belong to."""

from typing import Annotated

from fastapi import Depends, Request

from neuralib.server.threads import Threads
from neuralib.service.service import Service
from neuralib.settings import Settings


# Coroutines, as FastAPI would call functions in a thread.
async def _service(request: Request) -> Service:
    service: Service = request.app.state.service
    return service


async def _settings(request: Request) -> Settings:
    settings: Settings = request.app.state.settings
    return settings


async def _threads(request: Request) -> Threads:
    threads: Threads = request.app.state.threads
    return threads


TheService = Annotated[Service, Depends(_service)]
TheSettings = Annotated[Settings, Depends(_settings)]
InThread = Annotated[Threads, Depends(_threads)]
