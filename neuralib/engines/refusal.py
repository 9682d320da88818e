"""What torch says of a checkpoint that it does not load, in few words."""

from __future__ import annotations

import re
import textwrap

_MOST_CHARACTERS = 160


def wanted_code(error: Exception) -> str | None:
    """Name the function or class that a pickle wants to run; None: that was not the matter."""
    found = re.search(r"GLOBAL ([\w.]+)", str(error))
    return found[1] if found else None


def reason_of(error: Exception) -> str:
    """Give the reason alone: torch puts advice to run the file's code in front of it."""
    reason = str(error).rpartition("WeightsUnpickler error:")[2]
    reason = reason.partition("Check the documentation of torch.load")[0]
    return brief(reason) or type(error).__name__


def brief(text: str) -> str:
    """Give the beginning of a library's message, in one line and in whole words."""
    return textwrap.shorten(text, _MOST_CHARACTERS, placeholder=" …")
