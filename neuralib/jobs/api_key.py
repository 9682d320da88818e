"""What lets somebody in."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, ConfigDict


class ApiKey(BaseModel):
    """The right to act for a tenant; its token is kept by the owner alone."""

    model_config = ConfigDict(frozen=True)

    id: str
    tenant: str
    name: str
    """For people, to tell keys apart."""
    created_at: datetime
