"""Bytes of the storage as answers: whole or in part, streamed at the client's pace."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Generator, Iterator, Mapping
from pathlib import PurePosixPath

import anyio
from anyio.to_thread import run_sync
from fastapi import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse
from starlette.types import Message, Receive, Scope, Send

from neuralib.errors import UsageError
from neuralib.server.connection import transport_of
from neuralib.server.problems import problem
from neuralib.server.ranges import NotSatisfiable, part_of
from neuralib.service.stored import StoredFile
from neuralib.storage.base import Storage
from neuralib.storage.disposition import content_disposition

_LOG = logging.getLogger(__name__)

SIGNED_SECONDS = 15 * 60
"""How long a signed address works."""
_FROZEN_SECONDS = 120.0
"""A client that takes nothing for this long is dropped."""

_MEDIA_TYPES = {
    "wav": "audio/wav", "flac": "audio/flac", "mp3": "audio/mpeg", "ogg": "audio/ogg",
    "opus": "audio/ogg", "m4a": "audio/mp4", "aac": "audio/aac", "aiff": "audio/aiff",
    "mid": "audio/midi", "csv": "text/csv; charset=utf-8", "json": "application/json",
    "txt": "text/plain; charset=utf-8", "srt": "application/x-subrip",
    "vtt": "text/vtt; charset=utf-8", "tsv": "text/tab-separated-values; charset=utf-8",
    "lrc": "text/plain; charset=utf-8", "elrc": "text/plain; charset=utf-8",
    "ass": "text/plain; charset=utf-8",
}  # fmt: skip
"""By suffix; anything else is just bytes, and never a page that a browser would run."""


async def send_file(
    request: Request, storage: Storage, file: StoredFile, *, redirect: bool = False
) -> Response:
    """Answer GET or HEAD of `file`, with `Range`, `If-Range` and `If-None-Match`.

    Args:
        request: with the headers.
        storage: that has the bytes.
        file: what to send.
        redirect: give a signed address of the storage in place of the bytes, where it has one.

    Raises:
        NotFound: where the storage has lost it.
        StorageUnreachable: where the storage does not answer.
    """
    if redirect:
        url = await run_sync(storage.signed_url, file.key, SIGNED_SECONDS, file.name)
        if url is not None:
            return RedirectResponse(url, 307, {"Cache-Control": "no-store"})
    etag = f'"{file.sha256}"'
    headers = headers_of(file) | {"ETag": etag, "Accept-Ranges": "bytes"}
    if _names(request.headers.get("if-none-match"), etag):
        return Response(status_code=304, headers={"ETag": etag})
    wanted = request.headers.get("range")
    if request.headers.get("if-range", etag) != etag:
        wanted = None
    try:
        part = part_of(wanted, file.bytes)
    except NotSatisfiable:
        detail = f"Range: got {wanted!r}; the file has {file.bytes} bytes"
        return problem(416, UsageError.code, detail, {"Content-Range": f"bytes */{file.bytes}"})
    start, length = (0, file.bytes) if part is None else (part.start, part.length)
    headers["Content-Length"] = str(length)
    status = 200
    if part is not None:
        status = 206
        headers["Content-Range"] = part.content_range(file.bytes)
    if request.method == "HEAD":
        return Response(status_code=status, headers=headers)
    blocks = await run_sync(storage.read, file.key, start, length)
    return BlockStream(blocks, headers, status)


class BlockStream(StreamingResponse):
    """Sends blocks at the client's pace; lets go of them at once when it goes or freezes.

    Args:
        blocks: each is taken in a thread when the one before is sent.
        headers: of the answer.
        status: of the answer.
    """

    def __init__(
        self, blocks: Iterator[bytes], headers: Mapping[str, str], status: int = 200
    ) -> None:
        self._blocks = blocks
        super().__init__(_in_thread(blocks), status, headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the response."""

        async def send_in_time(message: Message) -> None:
            with anyio.fail_after(_FROZEN_SECONDS):
                await send(message)

        try:
            await super().__call__(scope, receive, send_in_time)
        except TimeoutError:
            _LOG.info(
                "dropped a client that took nothing for %d s",
                int(_FROZEN_SECONDS),
                extra={"action": "download.dropped"},
            )
            transport = transport_of(scope)
            if transport is not None:
                transport.abort()
        finally:
            with anyio.CancelScope(shield=True):
                await run_sync(_close, self._blocks)


async def _in_thread(blocks: Iterator[bytes]) -> AsyncIterator[bytes]:
    while (block := await run_sync(next, blocks, None)) is not None:
        if block:
            yield block


def _close(blocks: Iterator[bytes]) -> None:
    if isinstance(blocks, Generator):
        blocks.close()


def headers_of(file: StoredFile) -> dict[str, str]:
    """Say what a file is, and what it is saved as."""
    suffix = PurePosixPath(file.name).suffix.removeprefix(".").lower()
    return {
        "Content-Type": _MEDIA_TYPES.get(suffix, "application/octet-stream"),
        "Content-Disposition": content_disposition(file.name),
        "Cache-Control": "private, no-cache",
        "X-Content-Type-Options": "nosniff",
    }


def _names(header: str | None, etag: str) -> bool:
    named = [each.strip().removeprefix("W/") for each in (header or "").split(",")]
    return etag in named or "*" in named
