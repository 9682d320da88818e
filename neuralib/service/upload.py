"""Taking a recording in: the bytes, and the row that tells of them."""

from __future__ import annotations

import logging
from datetime import datetime, timezone
from pathlib import Path

from neuralib.audio.decode import AudioInfo, probe
from neuralib.errors import InputError
from neuralib.jobs.ids import new_id
from neuralib.jobs.sample import Sample
from neuralib.service.names import safe_name
from neuralib.service.parts import Parts
from neuralib.service.stored import StoredFile, is_kept, remove_objects
from neuralib.storage.keys import audio_key

_LOG = logging.getLogger(__name__)


def add_sample(
    parts: Parts, tenant: str, path: Path, name: str, sha256: str
) -> tuple[Sample, bool]:
    """Keep the audio file `path`; see `Service.add_sample`.

    The bytes are stored before the row is committed, so that no sample is without them.
    """
    known = parts.samples.find(tenant, sha256)
    if known is not None:
        _mend(parts, known, path)
        return known, False
    name = safe_name(name)
    info = _probe(path, name)
    fresh = Sample(
        id=new_id("smp"),
        tenant=tenant,
        name=name,
        sha256=sha256,
        bytes=path.stat().st_size,
        audio_seconds=info.seconds,
        sample_rate=info.sample_rate,
        channels=info.channels,
        created_at=datetime.now(timezone.utc),
    )
    parts.storage.put(audio_key(tenant, fresh.id), path)
    # Where this fails, the bytes stay: the row may be committed although the answer was lost.
    sample, is_new = parts.samples.add(fresh)
    if not is_new:  # somebody was quicker with the same bytes
        remove_objects(parts, fresh)
    else:
        _LOG.info(
            "sample %s is stored, %d bytes",
            *(sample.id, sample.bytes),
            extra={"action": "sample.added", "sample_id": sample.id},
        )
    return sample, is_new


def _mend(parts: Parts, sample: Sample, path: Path) -> None:
    """Store the bytes of a sample again, where the storage has lost them."""
    key = audio_key(sample.tenant, sample.id)
    if not is_kept(parts.storage, [StoredFile(key, sample.name, sample.bytes, sample.sha256)]):
        parts.storage.put(key, path)
        _LOG.warning(
            "the storage had lost the bytes of sample %s; they are stored again",
            sample.id,
            extra={"action": "sample.mended", "sample_id": sample.id},
        )


def _probe(path: Path, name: str) -> AudioInfo:
    try:
        return probe(path)
    except InputError as error:
        # Nobody outside needs to know where this machine keeps what arrives.
        message = error.message.replace(repr(str(path)), repr(name))
        raise type(error)(message.replace(str(path), name)) from None
