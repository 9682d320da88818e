"""An upload on its way to a file: hashed while it arrives, never in memory."""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import anyio
from anyio.to_thread import run_sync

from neuralib.errors import ClusterError, NoAudio, OutputError, TooLarge

_BLOCK_BYTES = 1 << 20
STALLED_SECONDS = 60.0
"""A client that sends nothing of its body for so long is dropped."""
_ABANDONED_SECONDS = 24 * 3600.0


class Stalled(ClusterError):
    """The client stopped sending in the middle of an upload."""

    http_status = 408


@dataclass(frozen=True)
class Spooled:
    """An upload that has arrived."""

    path: Path
    sha256: str
    bytes: int


class Spool:
    """A folder for uploads that are arriving.

    Args:
        folder: made where it is not there.
        maximum_bytes: of one upload.
        stalled_seconds: for how long a client may send nothing.
    """

    def __init__(
        self, folder: Path, maximum_bytes: int, *, stalled_seconds: float = STALLED_SECONDS
    ) -> None:
        self._folder = folder
        self._maximum_bytes = maximum_bytes
        self._stalled_seconds = stalled_seconds

    def check_length(self, announced: str | None) -> None:
        """Refuse what is too large before a byte of it is read.

        Args:
            announced: the header Content-Length; None where there is none.

        Raises:
            TooLarge: where it says more than is taken.
        """
        if announced is not None and announced.isdecimal() and int(announced) > self._maximum_bytes:
            raise self._too_large(f"{announced} bytes")

    @contextlib.asynccontextmanager
    async def receive(self, body: AsyncIterator[bytes]) -> AsyncIterator[Spooled]:
        """Write `body` to a file, which is gone at the end of the `async with` block.

        Raises:
            TooLarge: as soon as more has arrived than is taken.
            Stalled: where the client sends nothing for too long.
            OutputError: where the disk is full, or the folder cannot be written.
        """
        file, path = self._create()
        try:
            with file:
                sha256, count = await self._write(body, file)
            if count == 0:
                raise NoAudio("the body is empty; send the bytes of an audio file as the body")
            yield Spooled(path, sha256, count)
        finally:
            path.unlink(missing_ok=True)

    def clean(self) -> None:
        """Remove what was left behind by a server that was killed."""
        with contextlib.suppress(OSError):
            for path in self._folder.glob("*.upload"):
                if time.time() - path.stat().st_mtime > _ABANDONED_SECONDS:
                    path.unlink(missing_ok=True)

    def _create(self) -> tuple[BinaryIO, Path]:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            number, name = tempfile.mkstemp(".upload", dir=self._folder)
        except OSError as error:
            raise _no_room(error) from None
        return os.fdopen(number, "wb", buffering=0), Path(name)

    async def _write(self, body: AsyncIterator[bytes], file: BinaryIO) -> tuple[str, int]:
        digest = hashlib.sha256()
        count = 0
        async for block in self._blocks(body):
            count += len(block)
            if count > self._maximum_bytes:
                raise self._too_large(f"more than {self._maximum_bytes} bytes")
            await run_sync(_append, file, digest, block)
        return digest.hexdigest(), count

    async def _blocks(self, body: AsyncIterator[bytes]) -> AsyncIterator[bytearray]:
        """Gather what arrives in small pieces, so that few hops between threads are needed."""
        block = bytearray()
        async for piece in self._pieces(body):
            block += piece
            if len(block) >= _BLOCK_BYTES:
                yield block
                block = bytearray()
        if block:
            yield block

    async def _pieces(self, body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        while True:
            try:
                with anyio.fail_after(self._stalled_seconds):
                    piece = await anext(body, None)
            except TimeoutError:
                raise Stalled(
                    f"nothing arrived for {self._stalled_seconds:g} s; send the upload again"
                ) from None
            if piece is None:
                return
            yield piece

    def _too_large(self, what: str) -> TooLarge:
        return TooLarge(
            f"got {what}; this server takes up to {self._maximum_bytes} bytes an upload "
            "(its setting maximum_upload_bytes)"
        )


def _append(file: BinaryIO, digest: hashlib._Hash, block: bytearray) -> None:
    try:
        view = memoryview(block)
        while view:
            view = view[file.write(view) :]
    except OSError as error:
        raise _no_room(error) from None
    digest.update(block)


def _no_room(error: OSError) -> OutputError:
    # Where the server keeps its files is not told to its clients.
    return OutputError(
        f"the server cannot keep the upload: {error.strerror or error}; try again later, or tell "
        "whoever runs it"
    )
