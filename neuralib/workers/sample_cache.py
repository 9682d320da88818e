"""The last few samples on a worker's disk: one song is often separated, transcribed and noted."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path

from neuralib.errors import NotFound, cannot_write
from neuralib.execute.findings import Findings
from neuralib.jobs.sample import Sample
from neuralib.storage.base import Storage
from neuralib.storage.keys import audio_key

_KEPT = 3
_KEPT_BYTES = 2 * 1024**3
"""A longer recording is kept until the next one comes."""


@dataclass(frozen=True)
class Recording:
    """A sample's bytes as a file, to be read only."""

    path: Path
    bytes: int
    findings: Findings = field(default_factory=Findings)
    """What the runs on it have found out."""


class SampleCache:
    """Gives samples as files.

    Args:
        storage: where they come from.
        folder: a folder for them alone.
    """

    def __init__(self, storage: Storage, folder: Path) -> None:
        self._storage = storage
        self._folder = folder
        self._kept: OrderedDict[str, Recording] = OrderedDict()

    def get(self, sample: Sample) -> Recording:
        """Give the sample, fetched unless it is among the last few.

        Raises:
            NotFound: where it is not in the storage.
            StorageUnreachable: where the storage does not answer.
            OutputError: where there is no room for the file.
        """
        if sample.sha256 in self._kept:
            self._kept.move_to_end(sample.sha256)
            return self._kept[sample.sha256]
        self._make_room(sample.bytes)
        recording = Recording(self._folder / sample.sha256, sample.bytes)
        path = recording.path
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            path.unlink(missing_ok=True)
            self._storage.borrow(audio_key(sample.tenant, sample.id), path)
        except NotFound:
            raise NotFound(
                f"the audio of sample {sample.id} is not in the storage any more; upload it again"
            ) from None
        except OSError as error:
            raise cannot_write(path, error) from None
        self._kept[sample.sha256] = recording
        return recording

    def _make_room(self, coming: int) -> None:
        while self._kept and (
            len(self._kept) >= _KEPT
            or sum(each.bytes for each in self._kept.values()) + coming > _KEPT_BYTES
        ):
            _, oldest = self._kept.popitem(last=False)
            oldest.path.unlink(missing_ok=True)
