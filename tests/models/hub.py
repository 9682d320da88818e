"""A hub on this machine: an HTTP server that serves files, and misbehaves as it is told."""

from __future__ import annotations

import re
import socket
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType

CHUNK = 16_384


@dataclass
class Request:
    path: str
    range: str | None
    sent: int = 0
    """Bytes of the body."""


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Keep quiet: clients that break off are what is tested."""


@dataclass
class Hub:
    """Serves `files` by path; use as a context manager."""

    files: dict[str, bytes] = field(default_factory=dict)
    breaks: list[int] = field(default_factory=list)
    """For each request in turn: bytes of the body after which the connection is cut."""
    statuses: list[int] = field(default_factory=list)
    """For each request in turn: an error to answer with."""
    ignores_range: bool = False
    says_length: bool = True
    shifts_range: int = 0
    """Send a range that starts so many bytes later than asked for."""
    hold_after: int | None = None
    """Stop sending after so many bytes, until `release` is called."""
    requests: list[Request] = field(default_factory=list)

    def __enter__(self) -> Hub:
        self._released = threading.Event()
        self._server = Server(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def sent(self) -> int:
        return sum(request.sent for request in self.requests)

    def release(self) -> None:
        self._released.set()

    def wait_for_release(self) -> None:
        self._released.wait()


def _handler(hub: Hub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            request = Request(self.path, self.headers.get("Range"))
            hub.requests.append(request)
            cut = hub.breaks.pop(0) if hub.breaks else None
            if hub.statuses:
                return self.fail(hub.statuses.pop(0))
            body = hub.files.get(self.path)
            if body is None:
                return self.fail(404)
            start = self.start_of(request)
            if start >= len(body) > 0:
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{len(body)}")
                self.send_header("Content-Length", "0")
                return self.end_headers()
            self.begin(start, len(body), partial=start > 0)
            self.send_body(request, body[start:], cut)

        def start_of(self, request: Request) -> int:
            match = re.fullmatch(r"bytes=(\d+)-", request.range or "")
            if match is None or hub.ignores_range:
                return 0
            return int(match[1]) + hub.shifts_range

        def begin(self, start: int, total: int, *, partial: bool) -> None:
            self.send_response(206 if partial else 200)
            if partial:
                self.send_header("Content-Range", f"bytes {start}-{total - 1}/{total}")
            if hub.says_length:
                self.send_header("Content-Length", str(total - start))
            else:
                self.close_connection = True
                self.send_header("Connection", "close")
            self.end_headers()

        def send_body(self, request: Request, body: bytes, cut: int | None) -> None:
            for start in range(0, len(body), CHUNK):
                piece = body[start : start + CHUNK]
                if cut is not None and start + len(piece) > cut:
                    piece = piece[: cut - start]
                if hub.hold_after is not None and start >= hub.hold_after:
                    hub.wait_for_release()
                try:
                    self.wfile.write(piece)
                except OSError:
                    return
                request.sent += len(piece)
                if cut is not None and request.sent >= cut:
                    return self.break_connection()

        def break_connection(self) -> None:
            self.wfile.flush()
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)

        def fail(self, status: int) -> None:
            body = b"no"
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    return Handler
