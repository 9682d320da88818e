"""Routes that tell how the server is: alive, ready, and in numbers."""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Literal

from anyio.to_thread import run_sync
from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST
from pydantic import BaseModel

from neuralib.errors import NeuraLibError
from neuralib.server.answers import json_answer
from neuralib.server.auth import Tenant
from neuralib.server.metrics import Metrics
from neuralib.service.parts import Parts

router = APIRouter(tags=["watch"])

_FRESH_SECONDS = 1.0
_PATIENCE_SECONDS = 5.0


class Health(BaseModel):
    """The server runs."""

    status: Literal["ok"] = "ok"


class Dependency(BaseModel):
    """A part of the cluster."""

    state: Literal["up", "down"]
    code: str | None = None
    """Of the error, where it is down; the server's log has its words."""


class Ready(BaseModel):
    """Whether requests can be served now."""

    status: Literal["ready", "unready", "stopping"]
    dependencies: dict[str, Dependency]


class Readiness:
    """Asks every part; the answer is used again for a second, as anybody may ask for it."""

    def __init__(self, parts: Parts) -> None:
        self._pings = {
            "database": parts.database.ping,
            "storage": parts.storage.ping,
            "queue": parts.queue.ping,
            "events": parts.events.ping,
        }
        self._pool = ThreadPoolExecutor(len(self._pings), thread_name_prefix="ping")
        self._asking = asyncio.Lock()
        self._asked_at = -_FRESH_SECONDS
        self._known: dict[str, Dependency] = {}

    async def ask(self) -> dict[str, Dependency]:
        """Tell the state of each part; one that does not answer in time is down."""
        async with self._asking:
            if time.monotonic() - self._asked_at >= _FRESH_SECONDS:
                states = await asyncio.gather(*map(self._ping, self._pings))
                self._known = dict(zip(self._pings, states, strict=True))
                self._asked_at = time.monotonic()
            return self._known

    def close(self) -> None:
        """Ask no more."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def _ping(self, name: str) -> Dependency:
        ping = asyncio.get_running_loop().run_in_executor(self._pool, self._pings[name])
        try:
            await asyncio.wait_for(ping, _PATIENCE_SECONDS)
        except NeuraLibError as error:
            return Dependency(state="down", code=error.code)
        except asyncio.TimeoutError:
            return Dependency(state="down", code=f"{name}_unreachable")
        return Dependency(state="up")


@router.get("/healthz")
async def health() -> Health:
    """Tell that the server runs."""
    return Health()


@router.get(
    "/readyz", response_model=Ready, responses={503: {"model": Ready, "description": "Not now."}}
)
async def ready(request: Request) -> Response:
    """Tell whether requests can be served, and how each part of the cluster is."""
    readiness: Readiness = request.app.state.readiness
    dependencies = await readiness.ask()
    if request.app.state.stopping.is_set():
        return json_answer(Ready(status="stopping", dependencies=dependencies), 503)
    if any(each.state == "down" for each in dependencies.values()):
        return json_answer(Ready(status="unready", dependencies=dependencies), 503)
    return json_answer(Ready(status="ready", dependencies=dependencies))


@router.get(
    "/metrics",
    response_class=Response,
    responses={200: {"content": {"text/plain": {}}, "description": "For Prometheus."}},
)
async def metrics(request: Request, tenant: Tenant) -> Response:
    """Give numbers: jobs, queues, workers, times, connections, HTTP. Any key opens it."""
    all_metrics: Metrics = request.app.state.metrics
    return Response(await run_sync(all_metrics.text), media_type=CONTENT_TYPE_LATEST)
