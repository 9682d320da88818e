"""Routes of artifacts: what jobs gave."""

from typing import Annotated

from anyio.to_thread import run_sync
from fastapi import APIRouter, Query, Request, Response

from neuralib.server.archive import archive
from neuralib.server.auth import Tenant
from neuralib.server.documentation import PROBLEMS, binary_answer
from neuralib.server.downloads import BlockStream, send_file
from neuralib.server.state import InThread, TheService
from neuralib.storage.disposition import content_disposition

router = APIRouter(prefix="/v1/jobs/{job_id}", tags=["jobs"], responses=PROBLEMS)


@router.head("/artifacts/{name}", include_in_schema=False)
@router.get("/artifacts/{name}", response_class=Response, responses=binary_answer("*/*"))
async def send_artifact(
    request: Request,
    job_id: str,
    name: str,
    tenant: Tenant,
    service: TheService,
    run: InThread,
    redirect: Annotated[
        bool, Query(description="give a signed address of the storage, where it has one")
    ] = False,
) -> Response:
    """Send one result, whole or in part (`Range`)."""
    file = await run(service.artifact, tenant, job_id, name)
    return await send_file(request, service.parts.storage, file, redirect=redirect)


@router.head("/archive", include_in_schema=False)
@router.get(
    "/archive",
    response_class=Response,
    responses={
        200: {
            "content": {"application/zip": {"schema": {"type": "string", "format": "binary"}}},
            "description": "All results, under the names that a local run gives them.",
        }
    },
)
async def send_archive(
    request: Request, job_id: str, tenant: Tenant, service: TheService, run: InThread
) -> Response:
    """Send all results of a job in one zip."""
    found = await run(service.archive, tenant, job_id)
    blocks, length = await run_sync(archive, service.parts.storage, found.files)
    headers = {
        "Content-Type": "application/zip",
        "Content-Length": str(length),
        "Content-Disposition": content_disposition(f"{found.name}.zip"),
        "Cache-Control": "private, no-cache",
    }
    if request.method == "HEAD":
        return Response(headers=headers)
    return BlockStream(blocks, headers)
