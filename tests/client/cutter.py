"""A wire that breaks: hands bytes on to a server, and cuts answers where a test wants it."""

from __future__ import annotations

import contextlib
import re
import socket
import threading
from collections.abc import Iterator, Sequence

_HEAD = re.compile(rb"(?:GET|POST|DELETE) (\S+) HTTP/1.1\r\n")


class Cutter:
    """Listens on loopback; each cut, `(part of a path, bytes)`, ends one answer after so many."""

    def __init__(self, port: int, cuts: Sequence[tuple[str, int]]) -> None:
        self._port = port
        self._cuts = list(cuts)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.requests: list[bytes] = []
        """First line and headers of each request."""
        self._open: list[socket.socket] = []

    def serve(self) -> None:
        """Take connections until the listener is closed."""
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self._port))
                self._open += [client, server]
                _Link(self, client, server).start()

    def cut_of(self, path: bytes) -> int | None:
        """Take the first cut that is meant for an answer."""
        for cut in self._cuts:
            if cut[0].encode() in path:
                self._cuts.remove(cut)
                return cut[1]
        return None

    def requests_for(self, part: str) -> list[bytes]:
        return [request for request in self.requests if part.encode() in request.splitlines()[0]]

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for each in self._open:
            each.close()


class _Link:
    """One connection."""

    def __init__(self, cutter: Cutter, client: socket.socket, server: socket.socket) -> None:
        self._cutter = cutter
        self._client = client
        self._server = server
        self._left: int | None = None

    def start(self) -> None:
        for way in (self._up, self._down):
            threading.Thread(target=way, daemon=True).start()

    def _up(self) -> None:
        with contextlib.suppress(OSError):
            while block := self._client.recv(65536):
                if head := _HEAD.match(block):
                    self._cutter.requests.append(block.partition(b"\r\n\r\n")[0])
                    self._left = self._cutter.cut_of(head[1])
                self._server.sendall(block)
            self._server.shutdown(socket.SHUT_WR)

    def _down(self) -> None:
        with contextlib.suppress(OSError):
            while block := self._server.recv(65536):
                if self._left is not None and len(block) >= self._left:
                    self._client.sendall(block[: self._left])
                    break
                # First: whoever has the block may ask again at once, and that cut counts anew.
                self._left = None if self._left is None else self._left - len(block)
                self._client.sendall(block)
        for each in (self._client, self._server):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def cutting(port: int | str, *cuts: tuple[str, int]) -> Iterator[Cutter]:
    cutter = Cutter(int(port), cuts)
    thread = threading.Thread(target=cutter.serve, daemon=True)
    thread.start()
    try:
        yield cutter
    finally:
        cutter.close()
        thread.join()
