"""A client of Server-Sent Events that reads when it is told to."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Any


@dataclass(frozen=True)
class Block:
    """What stood between two empty lines."""

    id: str | None = None
    event: str | None = None
    data: Any = None
    comment: str | None = None
    retry: str | None = None


class Stream:
    """An open stream; iterate over it to read."""

    def __init__(
        self,
        port: int,
        path: str = "/v1/events",
        last_event_id: str | None = None,
        token: str | None = None,
        receive_buffer: int | None = None,
    ) -> None:
        self._socket = socket.socket()
        if receive_buffer is not None:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self._socket.settimeout(60)
        self._socket.connect(("127.0.0.1", port))
        headers = {"Host": "127.0.0.1", "Accept": "text/event-stream"}
        if last_event_id is not None:
            headers["Last-Event-ID"] = last_event_id
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        lines = [f"GET {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
        self._socket.sendall("\r\n".join([*lines, "", ""]).encode())
        self.response = http.client.HTTPResponse(self._socket)
        self.response.begin()
        self.status = self.response.status
        self.last_id: str | None = None

    def __enter__(self) -> Stream:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.response.close()
        self._socket.close()

    def __iter__(self) -> Iterator[Block]:
        """Yield blocks until the server ends the stream."""
        fields: dict[str, str] = {}
        while line := self.response.readline().decode():
            if line == "\n":
                yield self._block(fields)
                fields = {}
            else:
                name, _, value = line.rstrip("\n").partition(":")
                fields[name or "comment"] = value.removeprefix(" ")

    def _block(self, fields: dict[str, str]) -> Block:
        self.last_id = fields.get("id", self.last_id)
        data = fields.pop("data", None)
        return Block(data=None if data is None else json.loads(data), **fields)

    def blocks(self, number: int) -> list[Block]:
        """Read the next few."""
        reading = iter(self)
        return [next(reading) for _ in range(number)]

    def until(self, wanted: set[str]) -> list[Block]:
        """Read until each of these jobs has ended."""
        read: list[Block] = []
        left = set(wanted)
        for block in self:
            read.append(block)
            left -= ended(block)
            if not left:
                return read
        raise AssertionError(f"the stream ended without {left}")


def ended(block: Block) -> set[str]:
    """The jobs of whose end a block tells."""
    if block.event == "job":
        return {block.data["job_id"]} if is_final(block.data["state"]) else set()
    if block.event == "reset":
        return {job["id"] for job in block.data if is_final(job["state"])}
    return set()


def is_final(state: str) -> bool:
    return state in ("done", "failed", "cancelled")
