"""Where each object of a tenant lies: made of ids and hashes, never of names."""

from __future__ import annotations


def sample_prefix(tenant: str, sample_id: str) -> str:
    """Everything that belongs to a sample, its jobs' results too."""
    return f"{tenant}/{sample_id}/"


def audio_key(tenant: str, sample_id: str) -> str:
    """The bytes of a sample."""
    return f"{sample_prefix(tenant, sample_id)}audio"


def artifact_key(tenant: str, sample_id: str, sha256: str) -> str:
    """The bytes of a result, under their own hash: a run that is repeated writes the same."""
    return f"{sample_prefix(tenant, sample_id)}results/{sha256}"
