from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import pytest

from neuralib.errors import NoAudio, TooLarge
from neuralib.server.spool import Spool, Stalled


async def pieces(*texts: bytes, pause_seconds: float = 0.0) -> AsyncIterator[bytes]:
    for text in texts:
        yield text
        await anyio.sleep(pause_seconds)


def received(folder: Path, body: AsyncIterator[bytes]) -> tuple[str, bytes]:
    async def receive() -> tuple[str, bytes]:
        async with Spool(folder, 4_000_000, stalled_seconds=0.1).receive(body) as upload:
            return upload.sha256, upload.path.read_bytes()

    return anyio.run(receive)


def test_what_arrives_is_in_the_file_and_hashed(tmp_path: Path) -> None:
    data = bytes(range(256)) * 10_000
    split = [data[start : start + 70_001] for start in range(0, len(data), 70_001)]
    assert received(tmp_path, pieces(*split)) == (hashlib.sha256(data).hexdigest(), data)
    assert list(tmp_path.iterdir()) == []


def test_a_client_that_stops_sending_is_dropped(tmp_path: Path) -> None:
    with pytest.raises(Stalled, match="nothing arrived"):
        received(tmp_path, pieces(b"RIFF", pause_seconds=60))
    assert list(tmp_path.iterdir()) == []


def test_more_than_is_taken_is_refused_on_the_way(tmp_path: Path) -> None:
    with pytest.raises(TooLarge, match="up to 4000000 bytes"):
        received(tmp_path, pieces(*[bytes(1 << 20)] * 9))
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_no_audio(tmp_path: Path) -> None:
    with pytest.raises(NoAudio, match="empty"):
        received(tmp_path, pieces())
    assert list(tmp_path.iterdir()) == []
