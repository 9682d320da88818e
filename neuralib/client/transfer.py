"""Files on their way to and from a gateway: streamed, resumed, checked."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import httpx2

from neuralib.client.answers import Passing, raise_failure, read_json
from neuralib.client.wire import Wire
from neuralib.errors import ClusterError, InputError, ServerUnreachable, cannot_write

BytesReport = Callable[[int], None]
"""Told how many bytes have gone by; may raise `errors.Cancelled` to stop."""

_BLOCK_BYTES = 256 * 1024
_UPLOAD_TIMEOUT = httpx2.Timeout(60.0, connect=10.0, read=900.0)
"""When all bytes are there the server still stores them, before it answers."""


def unheard(done_bytes: int) -> None:
    """Listen to nothing."""


def upload(wire: Wire, path: Path, address: str, name: str, report: BytesReport) -> Any:
    """Send the file `path` as the body of a POST; give the JSON of the answer.

    It begins anew where the connection breaks: the same bytes again do no harm.

    Raises:
        InputError: where the file cannot be read, or changes meanwhile.
        NeuraLibError: as `Wire.json` does.
    """

    def act() -> Any:
        try:
            with path.open("rb") as file:
                headers = {
                    "Content-Length": str(path.stat().st_size),
                    "Content-Type": "application/octet-stream",
                }
                with wire.stream(
                    "POST",
                    address,
                    params={"name": name},
                    headers=headers,
                    content=_blocks(file, report),
                    timeout=_UPLOAD_TIMEOUT,
                ) as response:
                    response.read()
                    raise_failure(response, wire.server)
                    return read_json(response, wire.server)
        except OSError as error:
            raise InputError(f"cannot read {str(path)!r}: {error.strerror or error}") from None

    return wire.persist(act)


def _blocks(file: BinaryIO, report: BytesReport) -> Iterator[bytes]:
    done_bytes = 0
    while block := file.read(_BLOCK_BYTES):
        yield block
        done_bytes += len(block)
        report(done_bytes)


def download(wire: Wire, address: str, target: Path, sha256: str, report: BytesReport) -> None:
    """Write what is at `address` to `target`, going on where it broke.

    Raises:
        ClusterError: where it cannot be fetched, or twice arrives with another sha256.
        OutputError: where it cannot be written.
    """
    try:
        with target.open("wb") as file:
            for _ in range(2):
                part = _Part(file)
                wire.persist(lambda part=part: part.receive(wire, address, report))  # type: ignore[misc] # mypy infers no type for a lambda's default
                if part.hasher.hexdigest() == sha256:
                    return
    except OSError as error:
        raise cannot_write(target, error) from None
    raise ClusterError(
        f"{wire.server}{address} arrived twice with another sha256 than the server told; its "
        "storage may be damaged: run the job again with --force"
    )


class _Part:
    """What has arrived of a file, in order."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._restart()

    def receive(self, wire: Wire, address: str, report: BytesReport) -> None:
        """Make one attempt to get the rest."""
        start = self._bytes
        headers = {"Range": f"bytes={start}-"} if start else {}
        try:
            with wire.stream("GET", address, headers=headers) as response:
                if not self._has_more(response, wire.server):
                    return
                for block in response.iter_raw():
                    self._append(block)
                    report(self._bytes)
        except Passing as passing:
            passing.advanced = self._bytes > start
            raise

    def _has_more(self, response: httpx2.Response, server: str) -> bool:
        if response.status_code == 416 and self._bytes:
            return False  # the connection broke after the last byte
        if not response.is_success:
            response.read()
            raise_failure(response, server)
        wished = f"bytes {self._bytes}-"
        if response.status_code == 206 and response.headers.get("Content-Range", "").startswith(
            wished
        ):
            return True
        if response.status_code != 200:
            raise ServerUnreachable(f"{server} sent another range of a file than it was asked for")
        self._restart()
        return True

    def _append(self, block: bytes) -> None:
        self._file.write(block)
        self.hasher.update(block)
        self._bytes += len(block)

    def _restart(self) -> None:
        self._file.seek(0)
        self._file.truncate()
        self._bytes = 0
        self.hasher = hashlib.sha256()
