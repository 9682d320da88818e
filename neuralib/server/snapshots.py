"""What is true now, for those who missed events."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from neuralib.jobs.job import Job
from neuralib.server.threads import Threads
from neuralib.service.service import Service

SNAPSHOT_JOBS = 1000
"""The newest jobs of a tenant; older ones can be asked for one by one."""


class Snapshots:
    """Makes `reset` blocks with the jobs of a tenant.

    Where many miss the same events (an outage of the bus), they share one snapshot: it was begun
    after the event that their events go on from, and that is all it has to be.
    """

    def __init__(self, service: Service, in_thread: Threads) -> None:
        """Read the jobs from `service`."""
        self._service = service
        self._in_thread = in_thread
        self._making: dict[tuple[str, str], asyncio.Task[bytes]] = {}

    async def after(self, tenant: str, event_id: str) -> bytes:
        """Give what is true of a tenant's jobs after an event, or later.

        Raises:
            DatabaseUnreachable: where SQL does not answer.
        """
        key = tenant, event_id
        task = self._making.get(key)
        if task is None:
            task = self._making[key] = asyncio.create_task(self._make(tenant, event_id))
            task.add_done_callback(lambda _: self._making.pop(key))
        return await asyncio.shield(task)

    async def _make(self, tenant: str, event_id: str) -> bytes:
        page = await self._in_thread(self._service.jobs, tenant, limit=SNAPSHOT_JOBS)
        return reset_block(event_id, page.items)


def reset_block(event_id: str, jobs: Sequence[Job]) -> bytes:
    """Write a `reset`: jobs as they are now, after which the events after `event_id` follow."""
    data = ",".join(job.model_dump_json() for job in jobs)
    return f"id: {event_id}\nevent: reset\ndata: [{data}]\n\n".encode()
