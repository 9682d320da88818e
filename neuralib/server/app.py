"""The gateway as an ASGI app."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

from anyio.to_thread import run_sync
from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse
from fastapi.routing import APIRoute

from neuralib import __version__
from neuralib.errors import ClusterError
from neuralib.events.feed import Feed
from neuralib.server import artifacts, events, health, jobs, problems, samples, workers
from neuralib.server.auth import Doorkeeper
from neuralib.server.boundary import Boundary
from neuralib.server.documentation import DESCRIPTION, TAGS, TITLE, with_problems
from neuralib.server.health import Readiness
from neuralib.server.metrics import Metrics
from neuralib.server.reference import reference_page
from neuralib.server.spool import Spool
from neuralib.server.threads import Threads
from neuralib.service.parts import Parts
from neuralib.service.reconcile import Reconciler
from neuralib.service.service import Service
from neuralib.settings import Settings

UPLOADS_FOLDER = "uploads"
"""In the data folder: what is arriving."""


def create_app(parts: Parts, settings: Settings, *, public: bool) -> FastAPI:
    """Make the gateway of these parts.

    Args:
        parts: of the cluster; they stay the caller's to close.
        settings: of this machine.
        public: whether other machines can reach it; then every request needs a key.

    Returns:
        The app. Its `state` has what the routes need, each made for this app alone: `service`,
        `feed`, `stopping` (set it to end all streams), `settings`, `metrics`, and so on.
    """
    app = _Gateway(
        title=TITLE,
        version=__version__,
        description=DESCRIPTION,
        openapi_tags=TAGS,
        lifespan=_lifespan,
        docs_url=None,  # its page loads a script from another host; ours is in `reference`
        redoc_url=None,
        redirect_slashes=False,  # it would send to whatever `Host` says
        generate_unique_id_function=_operation_id,
    )
    state = app.state
    state.settings = settings
    state.service = Service(parts)
    state.feed = Feed(parts.events)
    state.stopping = asyncio.Event()
    state.threads = Threads()
    state.doorkeeper = Doorkeeper(parts.keys, state.threads, settings.tenant, public=public)
    state.spool = Spool(
        settings.data_dir.expanduser() / UPLOADS_FOLDER, settings.maximum_upload_bytes
    )
    state.readiness = Readiness(parts)
    state.metrics = Metrics(parts)
    state.metrics.connections.set_function(lambda: state.feed.listeners)
    problems.install(app)
    for each in (samples, jobs, workers, artifacts, events, health):
        app.include_router(each.router)
    app.add_api_route("/docs", _reference, response_class=HTMLResponse, include_in_schema=False)
    app.add_middleware(Boundary, metrics=state.metrics)
    return app


class _Gateway(FastAPI):
    """Describes problems as what they are."""

    def openapi(self) -> dict[str, Any]:
        """Give the OpenAPI document."""
        return self.openapi_schema or with_problems(super().openapi())


@contextlib.asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    state = app.state
    await run_sync(state.spool.clean)
    await run_sync(state.metrics.observe)  # what ends from now on is counted
    with contextlib.suppress(ClusterError):
        await state.doorkeeper.is_open()  # a key that exists now is remembered
    with Reconciler(state.service.parts).running():
        try:
            yield
        finally:
            state.stopping.set()
            await state.feed.close()
            state.readiness.close()
            state.threads.close()


async def _reference(request: Request) -> str:
    return reference_page(request.app.openapi())


def _operation_id(route: APIRoute) -> str:
    return route.name
