"""Events for the tests."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from neuralib.events.event import Event


def event(job_id: str = "job_1", state: str = "running", **changes: Any) -> Event:
    values: dict[str, Any] = {
        "job_id": job_id,
        "task": "midi",
        "state": state,
        "progress": 1.0 if state == "done" else 0.5,
        "eta_seconds": None,
        "attempt": 1,
        "error": None,
        "at": datetime.now(timezone.utc),
    }
    return Event(**(values | changes))
