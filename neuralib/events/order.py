"""The order of the events of a tenant, as their ids tell it."""

from __future__ import annotations

import re

Order = tuple[int, int]
"""Milliseconds since 1970, and the number among the events of that millisecond."""

_ID = re.compile(r"([0-9]{1,20})-([0-9]{1,20})", re.ASCII)
_PART_END = 2**64
"""Both numbers of an id have 64 bits (Redis documentation, "Streams")."""


def order_of(event_id: str) -> Order | None:
    """Read an id, `<milliseconds>-<number>`; None where it is none."""
    found = _ID.fullmatch(event_id)
    if not found:
        return None
    order = int(found[1]), int(found[2])
    return order if max(order) < _PART_END else None


def comes_after(event_id: str, other: str) -> bool:
    """Tell whether `event_id` is newer than `other`; both are ids."""
    return (order_of(event_id) or (0, 0)) > (order_of(other) or (0, 0))
