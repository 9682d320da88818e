"""A part of a list, and where it goes on."""

from __future__ import annotations

from typing import Generic, TypeVar

from pydantic import BaseModel, ConfigDict

Item = TypeVar("Item")


class Page(BaseModel, Generic[Item]):
    """Some items, the newest first."""

    model_config = ConfigDict(frozen=True)

    items: tuple[Item, ...]
    cursor: str | None
    """Give it back to get the next page; None: this was the last."""
