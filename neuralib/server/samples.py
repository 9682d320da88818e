"""Routes of samples: recordings that were uploaded."""

from typing import Annotated

from anyio.to_thread import run_sync
from fastapi import APIRouter, Query, Request, Response

from neuralib.errors import UsageError
from neuralib.jobs.page import Page
from neuralib.jobs.sample import Sample
from neuralib.server.answers import json_answer
from neuralib.server.auth import Tenant
from neuralib.server.documentation import PROBLEMS, SAMPLE, binary_answer, binary_body, example
from neuralib.server.downloads import send_file
from neuralib.server.spool import Spool
from neuralib.server.state import InThread, TheService

router = APIRouter(prefix="/v1/samples", tags=["samples"], responses=PROBLEMS)

Cursor = Annotated[str | None, Query(max_length=100, description="`cursor` of the page before")]
Limit = Annotated[int, Query(ge=1, le=1000, description="most items of a page")]


@router.post(
    "",
    status_code=201,
    response_model=Sample,
    openapi_extra=binary_body("The bytes of an audio file, of any length."),
    responses={
        200: {"model": Sample, "description": "These bytes were uploaded before."},
        201: example(SAMPLE),
    },
)
async def upload(
    request: Request,
    tenant: Tenant,
    service: TheService,
    name: Annotated[str | None, Query(description="file name; made safe")] = None,
) -> Response:
    """Upload a recording: the body is the file, `?name=` is what it is called.

    The same bytes again give the sample that is there already.
    """
    spool: Spool = request.app.state.spool
    spool.check_length(request.headers.get("content-length"))
    if request.headers.get("content-type", "").startswith("multipart/"):
        raise UsageError(
            "got a form; send the bytes alone as the body: curl --data-binary @song.wav, or -T"
        )
    async with spool.receive(request.stream()) as upload:
        sample, is_new = await run_sync(
            service.add_sample, tenant, upload.path, name or "", upload.sha256
        )
    return json_answer(sample, 201 if is_new else 200, f"/v1/samples/{sample.id}")


@router.get("")
async def list_samples(
    tenant: Tenant,
    service: TheService,
    run: InThread,
    q: Annotated[str | None, Query(max_length=200, description="a part of the name")] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[Sample]:
    """List samples, the newest first."""
    return await run(service.samples, tenant, query=q, cursor=cursor, limit=limit)


@router.get("/{sample_id}", responses={200: example(SAMPLE)})
async def show_sample(sample_id: str, tenant: Tenant, service: TheService, run: InThread) -> Sample:
    """Show one sample."""
    return await run(service.sample, tenant, sample_id)


@router.delete("/{sample_id}", status_code=204)
async def remove_sample(sample_id: str, tenant: Tenant, service: TheService, run: InThread) -> None:
    """Remove a sample, its jobs and their results; not while a job of it is queued or running."""
    await run(service.remove_sample, tenant, sample_id)


@router.head("/{sample_id}/audio", include_in_schema=False)
@router.get("/{sample_id}/audio", response_class=Response, responses=binary_answer("audio/*"))
async def send_audio(
    request: Request,
    sample_id: str,
    tenant: Tenant,
    service: TheService,
    run: InThread,
    redirect: Annotated[
        bool, Query(description="give a signed address of the storage, where it has one")
    ] = False,
) -> Response:
    """Send the bytes of a sample, whole or in part (`Range`)."""
    file = await run(service.audio, tenant, sample_id)
    return await send_file(request, service.parts.storage, file, redirect=redirect)
