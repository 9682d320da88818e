"""A relay before a server, which hangs up in the middle of answers when asked to."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from types import TracebackType


class BreakingRelay:
    """Listens on loopback, and passes on what comes from both sides."""

    def __init__(self, host: str, port: int) -> None:
        self.broken = 0
        self._target = (host, port)
        self._answer: bytes | None = None
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._after_bytes = 0
        self._times = 0
        self._ended = False
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._listen)

    @classmethod
    def answering(cls, answer: bytes) -> BreakingRelay:
        """One without a server behind it, which says the same to everybody."""
        relay = cls("", 0)
        relay._answer = answer
        return relay

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self._listener.getsockname()[1]}"

    def break_after(self, count: int, times: int) -> None:
        """Hang up the next `times` connections after `count` bytes from the server."""
        with self._lock:
            self._after_bytes, self._times = count, times

    def __enter__(self) -> BreakingRelay:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended = True
        with socket.create_connection(self._listener.getsockname()):
            pass
        self._thread.join()
        self._listener.close()

    def _listen(self) -> None:
        while True:
            client, _ = self._listener.accept()
            if self._ended:
                client.close()
                return
            threading.Thread(target=self._serve, args=[client], daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        if self._answer is not None:
            with client:
                client.recv(1 << 16)
                client.sendall(self._answer)
            return
        with client, socket.create_connection(self._target) as server:
            there = threading.Thread(target=self._pass_on, args=[client, server], daemon=True)
            there.start()
            self._pass_back(server, client)
            for each in (client, server):
                with suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)
            there.join()

    def _pass_on(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while data := client.recv(1 << 16):
                server.sendall(data)
            server.shutdown(socket.SHUT_WR)

    def _pass_back(self, server: socket.socket, client: socket.socket) -> None:
        passed = 0
        with suppress(OSError):
            while data := server.recv(1 << 16):
                client.sendall(data)
                passed += len(data)
                if self._should_break(passed):
                    return

    def _should_break(self, passed: int) -> bool:
        with self._lock:
            if not self._times or passed < self._after_bytes:
                return False
            self._times -= 1
            self.broken += 1
            return True
