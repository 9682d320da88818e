"""The route of workers: whether somebody runs what is submitted."""

from fastapi import APIRouter

from neuralib.server.auth import Tenant
from neuralib.server.documentation import PROBLEMS
from neuralib.server.state import InThread, TheService

router = APIRouter(prefix="/v1/workers", tags=["jobs"], responses=PROBLEMS)


@router.get("")
async def count_workers(tenant: Tenant, service: TheService, run: InThread) -> dict[str, int]:
    """Count the workers that take each task, be they idle or busy."""
    return await run(service.workers)
