"""Objects in a bucket of an S3-compatible server."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from minio import Minio
from minio.deleteobjects import DeleteObject
from minio.error import S3Error
from urllib3 import BaseHTTPResponse
from urllib3.exceptions import HTTPError

from neuralib.errors import StorageUnreachable, UsageError
from neuralib.storage.base import BLOCK_BYTES, Storage
from neuralib.storage.disposition import content_disposition
from neuralib.storage.keys import check_key, check_prefix
from neuralib.storage.s3_address import S3Address
from neuralib.storage.s3_client import patient_client, quick_client, signing_client
from neuralib.storage.s3_errors import mapped

_PART_BYTES = 8 * 1024 * 1024
"""Of an upload; one part, and its copy on the way out, are in memory at a time."""
_MOST_PARTS = 10_000
"""Of one upload, by the S3 API."""
_RESUMPTIONS = 3
"""How often a stream that breaks off is taken up again where it was."""
_LONGEST_SECONDS = 7 * 24 * 3600
"""That a signed address may work, by the S3 API."""
_PING_KEY = "neuralib_ping"
"""No tenant has an underscore in its name, so no key begins with this and a `/`."""


class S3Storage(Storage):
    """Keeps each object under its key in one bucket, which is made when something is put there.

    Nothing is reached before the first call. Each call waits for a bounded time (`s3_client`).
    """

    def __init__(self, address: S3Address) -> None:
        self._address = address
        self._client = patient_client(address)
        self._quick = quick_client(address)
        self._signer = self._client if address.public is None else signing_client(address)

    def put(self, key: str, path: Path) -> None:
        """Send the file, in parts if it is large; the server makes it whole at the end."""
        check_key(key)
        with path.open("rb") as file:
            self._put(self._client, key, file, path.stat().st_size)

    def _put(self, client: Minio, key: str, file: BinaryIO, size: int) -> None:
        with mapped(self._address, key):
            try:
                self._send(client, key, file, size)
            except S3Error as error:
                if error.code != "NoSuchBucket":
                    raise
                _make_bucket(client, self._address.bucket)
                file.seek(0)
                self._send(client, key, file, size)

    def _send(self, client: Minio, key: str, file: BinaryIO, size: int) -> None:
        done = client.put_object(
            self._address.bucket,
            key,
            file,
            size,
            part_size=max(_PART_BYTES, -(-size // _MOST_PARTS)),
            num_parallel_uploads=1,
        )
        if not done.etag:  # a server may find that it cannot join the parts after it said 200
            raise StorageUnreachable(
                f"the storage at {self._address.host} did not keep {key!r}; look into its log"
            )

    def size(self, key: str) -> int:
        """Ask for the object's head."""
        with mapped(self._address, check_key(key)):
            return int(self._client.stat_object(self._address.bucket, key).size or 0)

    def read(self, key: str, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        """Stream the object; where the connection breaks, go on from there."""
        blocks = self._blocks(self._client, check_key(key), start, length)
        next(blocks)  # asks the server: from here on, letting go of the generator hangs up
        return blocks

    def _blocks(self, client: Minio, key: str, start: int, length: int | None) -> Iterator[bytes]:
        """Give an empty block, then those of the object."""
        response = self._open(client, key, start, length)
        yield b""
        for left in reversed(range(_RESUMPTIONS + 1)):
            if response is None:
                return
            with mapped(self._address, key):
                try:
                    for block in response.stream(BLOCK_BYTES):
                        start += len(block)
                        length = None if length is None else length - len(block)
                        yield block
                    return
                except HTTPError:
                    if not left:
                        raise
                finally:
                    response.close()
            response = self._open(client, key, start, length, response.headers.get("ETag"))

    def _open(
        self, client: Minio, key: str, start: int, length: int | None, etag: str | None = None
    ) -> BaseHTTPResponse | None:
        """Ask for a part of the object; None: there is nothing in it."""
        with mapped(self._address, key):
            if length == 0:  # to the library that means all
                client.stat_object(self._address.bucket, key)
                return None
            try:
                return client.get_object(
                    self._address.bucket,
                    key,
                    start,
                    length or 0,
                    request_headers={"If-Match": etag} if etag else None,
                )
            except S3Error as error:
                if error.code == "InvalidRange":
                    return None
                raise

    def remove(self, prefix: str) -> None:
        """Remove a thousand objects with each request."""
        check_prefix(prefix)
        bucket = self._address.bucket
        with mapped(self._address):
            found = self._client.list_objects(bucket, prefix, recursive=True)
            names = (DeleteObject(each.object_name) for each in found if each.object_name)
            kept = list(self._client.remove_objects(bucket, names))
        if kept:
            raise StorageUnreachable(
                f"the storage at {self._address.host} kept {len(kept)} objects that should go "
                f"({kept[0].code}); check the rights of this key for bucket {bucket!r}"
            )

    def signed_url(self, key: str, seconds: int, filename: str) -> str | None:
        """Sign an address; the server is asked for its region once, where none was named."""
        check_key(key)
        if not 1 <= seconds <= _LONGEST_SECONDS:
            raise UsageError(
                f"an address cannot work for {seconds} seconds; 1 to {_LONGEST_SECONDS} can be had"
            )
        with mapped(self._address, key):
            return self._signer.get_presigned_url(
                "GET",
                self._address.bucket,
                key,
                timedelta(seconds=seconds),
                {"response-content-disposition": content_disposition(filename)},
            )

    def ping(self) -> None:
        """Put a tiny object and read it; it stays, so that processes cannot disturb each other."""
        self._put(self._quick, _PING_KEY, BytesIO(b"ping"), 4)
        for _ in self._blocks(self._quick, _PING_KEY, 0, None):
            pass


def _make_bucket(client: Minio, bucket: str) -> None:
    try:
        client.make_bucket(bucket)
    except S3Error as error:
        if error.code not in ("BucketAlreadyOwnedByYou", "BucketAlreadyExists"):
            raise
