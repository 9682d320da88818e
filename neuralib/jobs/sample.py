"""A recording that was uploaded."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field


class Sample(BaseModel):
    """One recording of one tenant; the same bytes are kept once."""

    model_config = ConfigDict(frozen=True)

    id: str
    tenant: str = Field("", exclude=True)
    """Whose it is; never shown, and so not known on the client's side."""
    name: str
    """File name that it was uploaded under."""
    sha256: str
    bytes: int
    audio_seconds: float | None
    """Length; None where the container does not tell."""
    sample_rate: int
    """Hz."""
    channels: int
    created_at: datetime
