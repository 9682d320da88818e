"""The library's client for one server, with our limits on how long it waits."""

from __future__ import annotations

import logging
import ssl

from minio import Minio
from urllib3 import PoolManager, Retry, Timeout

from neuralib.storage.s3_address import S3Address

# It warns of every attempt, with the object's path; the error at the end says the same once.
logging.getLogger("urllib3.connectionpool").setLevel(logging.ERROR)

_CONNECT_SECONDS = 3.0
_PATIENT_SECONDS = 20.0
_QUICK_SECONDS = 5.0
_CONNECTIONS = 32
"""Kept open: for 16 threads that each stream one object and ask about another."""
_PASSING = (500, 502, 503, 504)
"""Answers that another attempt may not get."""


def patient_client(address: S3Address) -> Minio:
    """Make the client for objects: it repeats what finds no server twice, else once.

    A server that cannot be reached is told within ten seconds, one that falls silent within forty.
    """
    retry = Retry(
        2,
        read=1,
        status=1,
        status_forcelist=_PASSING,
        backoff_factor=0.2,
        raise_on_status=False,  # the answer itself says more
        respect_retry_after_header=False,  # it may be hours
    )
    return _client(address, _PATIENT_SECONDS, retry)


def quick_client(address: S3Address) -> Minio:
    """Make the client that asks once whether the server is there, and takes five seconds for no."""
    return _client(address, _QUICK_SECONDS, Retry(0, raise_on_status=False))


def signing_client(address: S3Address) -> Minio:
    """Make the client that signs addresses for the outside; it never reaches a server."""
    assert address.public is not None
    return Minio(
        address.public.netloc,
        address.key,
        address.secret,
        secure=address.public.scheme == "https",
        region=address.region,
    )


def _client(address: S3Address, read_seconds: float, retry: Retry) -> Minio:
    pool = PoolManager(
        maxsize=_CONNECTIONS,
        timeout=Timeout(connect=_CONNECT_SECONDS, read=read_seconds),
        retries=retry,
        # The certificates of this machine, as its other programs use them.
        ssl_context=ssl.create_default_context() if address.secure else None,
    )
    return Minio(
        address.host,
        address.key,
        address.secret,
        secure=address.secure,
        region=address.region,
        http_client=pool,
    )
