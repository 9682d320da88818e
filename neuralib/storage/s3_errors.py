"""What an S3 server or its library tells, as errors of ours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from xml.etree.ElementTree import ParseError

from minio.error import InvalidResponseError, MinioException, S3Error, ServerError
from urllib3.exceptions import HTTPError, MaxRetryError, ReadTimeoutError, SSLError

from neuralib.errors import NeuraLibError, NotFound, OutputError, StorageUnreachable
from neuralib.storage.s3_address import S3Address

_REFUSED = frozenset(
    {"AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "AccountProblem", "Forbidden"}
)
_NO_ROOM = frozenset(
    {"QuotaExceeded", "XMinioStorageFull", "XMinioAdminBucketQuotaExceeded", "EntityTooLarge"}
)
_ADVICE = {
    "NoSuchBucket": "make it, or give this key the right to",
    "RequestTimeTooSkewed": "set the clock of this machine or of the server",
    "AuthorizationHeaderMalformed": "name the server's region with ?region= in the address",
    "BadRequest": "check ?region= in the address",
    "PermanentRedirect": "name the bucket's region with ?region= in the address",
}


@contextmanager
def mapped(address: S3Address, key: str = "") -> Iterator[None]:
    """Turn foreign errors of the block into ours; none of them shows the credentials.

    Args:
        address: of the server.
        key: of the object that the block is about, for NotFound.
    """
    try:
        yield
    except S3Error as error:
        raise _from_answer(error, address, key) from None
    except (MinioException, HTTPError, ParseError, ValueError) as error:
        raise _from_silence(error, address) from None


def _from_answer(error: S3Error, address: S3Address, key: str) -> NeuraLibError:
    code = error.code or "an error without a code"
    if code == "NoSuchKey":
        return NotFound(f"there is no object {key!r} in the storage")
    if code in _NO_ROOM:
        return OutputError(
            f"the storage at {address.host} takes no more ({code}); free some space there, or "
            "remove samples with `neuralib samples rm`"
        )
    if code in _REFUSED:
        return StorageUnreachable(
            f"the storage at {address.host} refuses the credentials ({code}); check KEY and "
            f"SECRET in NEURALIB_STORAGE_URL, and their rights for bucket {address.bucket!r}"
        )
    if code == "NoSuchBucket":
        what = f"has no bucket {address.bucket!r}"
    else:
        what = f"answers {code}: {error.message}"
    advice = _ADVICE.get(code, "look into its log")
    return StorageUnreachable(f"the storage at {address.host} {what}; {advice}")


def _from_silence(error: Exception, address: S3Address) -> StorageUnreachable:
    if isinstance(error, MaxRetryError) and error.reason is not None:
        error = error.reason
    what = f"does not answer: {_reason(error)}"
    advice = "check that it runs, and host and port in NEURALIB_STORAGE_URL"
    if isinstance(error, ServerError):
        what = f"fails with HTTP {error.status_code}"
        advice = "look into its log"
    elif isinstance(error, (InvalidResponseError, SSLError, ParseError, ValueError)):
        what = "does not answer like an S3 server"
        wanted = "false" if address.secure else "true"
        advice = f"check its port in NEURALIB_STORAGE_URL, and whether ?secure={wanted} is needed"
    return StorageUnreachable(f"the storage at {address.host} {what}; {advice}")


def _reason(error: Exception) -> str:
    if isinstance(error, ReadTimeoutError):
        return "no answer in time"
    text = str(error).rpartition("): ")[2] or type(error).__name__
    return text.removeprefix("Failed to establish a new connection: ")
