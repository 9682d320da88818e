"""What every storage can do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path

from neuralib.errors import OutputError

BLOCK_BYTES = 1 << 20
"""Largest block that `read` gives."""


class Storage(ABC):
    """Keeps objects under keys such as `local/smp_…/audio`: parts of ids and hashes, with `/`.

    An object is there whole or not at all; writing one again replaces it. All of them may be
    called from any thread.

    Raises (all methods):
        StorageUnreachable: where the service does not answer, or refuses the credentials.
        OutputError: where there is no room.
        UsageError: where the key is none (see `storage.keys`).
    """

    @abstractmethod
    def put(self, key: str, path: Path) -> None:
        """Store a copy of the file `path`, streamed; on return it outlives a loss of power.

        Raises:
            OSError: where `path` cannot be read.
        """

    def fetch(self, key: str, path: Path) -> None:
        """Write the object to the file `path`, streamed; it appears there when it is whole.

        Raises:
            NotFound: where there is no such object.
            OutputError: where `path` cannot be written.
        """
        blocks = self.read(key)
        draft = path.with_name(f"{path.name}.part")
        try:
            with draft.open("wb") as file:
                for block in blocks:
                    file.write(block)
            draft.replace(path)
        except OSError as error:
            raise OutputError(
                f"cannot write {str(path)!r}: {error.strerror or error}; free some space, or "
                "change the permissions of its folder"
            ) from None
        finally:
            draft.unlink(missing_ok=True)

    def borrow(self, key: str, path: Path) -> None:
        """Do as `fetch`, for somebody who only reads the file: it may be the object itself."""
        self.fetch(key, path)

    @abstractmethod
    def size(self, key: str) -> int:
        """Count its bytes.

        Raises:
            NotFound: where there is no such object.
        """

    @abstractmethod
    def read(self, key: str, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        """Stream `length` bytes (None: the rest) from byte `start`, in blocks of 1 MiB at most.

        What lies behind the end of the object is left out. Nothing stays open once the iterator
        is used up or let go of.

        Raises:
            NotFound: where there is no such object; by the call itself, not by the first block.
        """

    @abstractmethod
    def remove(self, prefix: str) -> None:
        """Remove every object whose key begins with `prefix`; none is fine."""

    @abstractmethod
    def signed_url(self, key: str, seconds: int, filename: str) -> str | None:
        """Give an address that anybody may read the object from for some time.

        Args:
            key: of the object.
            seconds: how long the address works; 604 800 (seven days) at most.
            filename: what a browser saves it as.

        Returns:
            The address, or None where this storage has none to give.
        """

    @abstractmethod
    def ping(self) -> None:
        """Make sure that objects can be written and read now; answers in seconds."""
