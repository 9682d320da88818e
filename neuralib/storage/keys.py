"""Where each object of a tenant lies: made of ids and hashes, never of names."""

from __future__ import annotations

import re

from neuralib.errors import UsageError

_PART = r"[A-Za-z0-9][A-Za-z0-9._-]*"
_KEY = re.compile(rf"{_PART}(?:/{_PART})*")
_LONGEST = 512


def check_key(key: str) -> str:
    """Give `key` back, if it can name an object in every storage and outside of none.

    Raises:
        UsageError: where a part is empty or begins with a dot, or a character is not allowed.
    """
    if not _KEY.fullmatch(key) or len(key) > _LONGEST:
        raise UsageError(
            f"storage key {key!r} cannot be used; its parts are of letters, digits, '.', '_' and "
            f"'-', joined by '/', begin with a letter or digit, and have {_LONGEST} characters at "
            "most together"
        )
    return key


def check_prefix(prefix: str) -> str:
    """Give `prefix` back, if it is a key, with or without a `/` at its end; never all keys.

    Raises:
        UsageError: as `check_key`.
    """
    check_key(prefix[:-1] if prefix.endswith("/") else prefix)
    return prefix


def sample_prefix(tenant: str, sample_id: str) -> str:
    """Everything that belongs to a sample, its jobs' results too."""
    return f"{tenant}/{sample_id}/"


def audio_key(tenant: str, sample_id: str) -> str:
    """The bytes of a sample."""
    return f"{sample_prefix(tenant, sample_id)}audio"


def artifact_key(tenant: str, sample_id: str, sha256: str) -> str:
    """The bytes of a result, under their own hash: a run that is repeated writes the same."""
    return f"{sample_prefix(tenant, sample_id)}results/{sha256}"
