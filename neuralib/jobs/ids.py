"""Names of things: short, ordered by time, never guessable."""

from __future__ import annotations

import secrets
import time
from typing import Literal

Prefix = Literal["smp", "job", "key"]


def new_id(prefix: Prefix) -> str:
    """Make an id such as `job_0195f3a1c2d7…`: 48 bits of milliseconds, then 80 of chance.

    Ids that are made later sort after those made earlier (to the millisecond), as in version 7
    of RFC 9562.
    """
    return f"{prefix}_{time.time_ns() // 1_000_000:012x}{secrets.token_hex(10)}"
