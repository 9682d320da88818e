"""What a running download reports, and to whom."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Transfer:
    """How far one file is."""

    file: str
    """Its name in the models folder."""
    done_bytes: int
    """Bytes that are here, those of an earlier, broken download included."""
    total_bytes: int | None
    """None: neither the catalogue nor the server knows."""


TransferReport = Callable[[Transfer], None]
"""Called for every piece that arrives; may raise `errors.Cancelled` to stop."""


def unheard(transfer: Transfer) -> None:
    """Listen to nothing."""
