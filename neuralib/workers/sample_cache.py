"""The last few samples on a worker's disk: one song is often separated, transcribed and noted."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path

from neuralib.errors import NotFound, cannot_write
from neuralib.jobs.sample import Sample
from neuralib.storage.base import Storage
from neuralib.storage.keys import audio_key

_KEPT = 3
_KEPT_BYTES = 2 * 1024**3
"""A longer recording is kept until the next one comes."""


class SampleCache:
    """Gives samples as files.

    Args:
        storage: where they come from.
        folder: a folder for them alone.
    """

    def __init__(self, storage: Storage, folder: Path) -> None:
        self._storage = storage
        self._folder = folder
        self._sizes: OrderedDict[str, int] = OrderedDict()

    def path(self, sample: Sample) -> Path:
        """Give the sample's bytes as a file, to be read only.

        Raises:
            NotFound: where they are not in the storage.
            StorageUnreachable: where the storage does not answer.
            OutputError: where there is no room for the file.
        """
        path = self._folder / sample.sha256
        if sample.sha256 in self._sizes:
            self._sizes.move_to_end(sample.sha256)
            return path
        self._make_room(sample.bytes)
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            path.unlink(missing_ok=True)
            self._storage.fetch(audio_key(sample.tenant, sample.id), path)
        except NotFound:
            raise NotFound(
                f"the audio of sample {sample.id} is not in the storage any more; upload it again"
            ) from None
        except OSError as error:
            raise cannot_write(path, error) from None
        self._sizes[sample.sha256] = sample.bytes
        return path

    def _make_room(self, coming: int) -> None:
        while self._sizes and (
            len(self._sizes) >= _KEPT or sum(self._sizes.values()) + coming > _KEPT_BYTES
        ):
            oldest, _ = self._sizes.popitem(last=False)
            (self._folder / oldest).unlink(missing_ok=True)
