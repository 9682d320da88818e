"""Routes of jobs: tasks on samples."""

from typing import Annotated

from fastapi import APIRouter, Body, Header, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from neuralib.jobs.job import Job, JobState
from neuralib.jobs.page import Page
from neuralib.queue.base import Lane, TaskKind
from neuralib.server.answers import json_answer
from neuralib.server.auth import Tenant
from neuralib.server.documentation import JOB, PROBLEMS, REQUESTS, example
from neuralib.server.samples import Cursor, Limit
from neuralib.server.state import InThread, TheService
from neuralib.tasks import Task

router = APIRouter(prefix="/v1/jobs", tags=["jobs"], responses=PROBLEMS)


class JobRequest(BaseModel):
    """What to run on what."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    task: Task
    sample_id: str = Field(pattern=r"^\w+$", max_length=100)
    lane: Lane = "normal"
    """`high` goes before all that is `normal`."""
    force: bool = False
    """Run it also where its result is stored."""


@router.post("", status_code=201, response_model=Job, responses={201: example(JOB)})
async def submit(
    wanted: Annotated[JobRequest, Body(openapi_examples=REQUESTS)],
    tenant: Tenant,
    service: TheService,
    run: InThread,
    idempotency_key: Annotated[
        str | None, Header(description="the same key and request again give the same job")
    ] = None,
) -> Response:
    """Let a task run on a sample.

    A result that is stored already (the same bytes, task and model) is given at once, as a job
    that is done.
    """
    job, is_new = await run(
        service.submit,
        tenant,
        wanted.task,
        wanted.sample_id,
        lane=wanted.lane,
        force=wanted.force,
        idempotency_key=idempotency_key,
    )
    replayed = {} if is_new else {"Idempotent_Replayed": "true"}
    return json_answer(job, 201, f"/v1/jobs/{job.id}", **replayed)


@router.get("")
async def list_jobs(
    tenant: Tenant,
    service: TheService,
    run: InThread,
    state: Annotated[JobState | None, Query(description="those in this state alone")] = None,
    task: Annotated[TaskKind | None, Query(description="those of this kind alone")] = None,
    sample_id: Annotated[
        str | None, Query(max_length=100, description="those of this sample alone")
    ] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[Job]:
    """List jobs, the newest first."""
    return await run(
        service.jobs,
        tenant,
        state=state,
        task=task,
        sample_id=sample_id,
        cursor=cursor,
        limit=limit,
    )


@router.get("/{job_id}", response_model=Job, responses={200: example(JOB)})
async def show_job(job_id: str, tenant: Tenant, service: TheService, run: InThread) -> Response:
    """Show one job."""
    return json_answer(await run(service.job, tenant, job_id))


@router.post("/{job_id}/cancel", response_model=Job, responses={200: example(JOB)})
async def cancel(job_id: str, tenant: Tenant, service: TheService, run: InThread) -> Response:
    """Stop a job that waits or runs."""
    return json_answer(await run(service.cancel, tenant, job_id))


@router.post("/{job_id}/retry", response_model=Job, responses={200: example(JOB)})
async def retry(job_id: str, tenant: Tenant, service: TheService, run: InThread) -> Response:
    """Run a job again that failed or was cancelled."""
    return json_answer(await run(service.retry, tenant, job_id))
