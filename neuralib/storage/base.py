"""What every storage can do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path


class Storage(ABC):
    """Keeps objects under keys such as `local/smp_…/audio`: parts of ids and hashes, with `/`.

    An object is there whole or not at all; writing one again replaces it. All of them may be
    called from any thread.

    Raises (all methods):
        StorageUnreachable: where the service does not answer, or refuses the credentials.
        OutputError: where there is no room.
    """

    @abstractmethod
    def put(self, key: str, path: Path) -> None:
        """Store a copy of the file `path`, streamed."""

    @abstractmethod
    def fetch(self, key: str, path: Path) -> None:
        """Write the object to the new file `path`, streamed.

        Raises:
            NotFound: where there is no such object.
        """

    @abstractmethod
    def size(self, key: str) -> int:
        """Count its bytes.

        Raises:
            NotFound: where there is no such object.
        """

    @abstractmethod
    def read(self, key: str, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        """Stream `length` bytes (None: the rest) from byte `start`.

        Raises:
            NotFound: where there is no such object; before the first block.
        """

    @abstractmethod
    def remove(self, prefix: str) -> None:
        """Remove every object whose key begins with `prefix`; none is fine."""

    @abstractmethod
    def signed_url(self, key: str, seconds: int, filename: str) -> str | None:
        """Give an address that anybody may read the object from for some time.

        Args:
            key: of the object.
            seconds: how long the address works.
            filename: what a browser saves it as.

        Returns:
            The address, or None where this storage has none to give.
        """

    @abstractmethod
    def ping(self) -> None:
        """Make sure that objects can be written and read now."""
