"""Making the next block while the last one is worked on."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from concurrent.futures import ThreadPoolExecutor

from neuralib.audio.block import Block


def ahead(blocks: Iterable[Block]) -> Generator[Block, None, None]:
    """Pass blocks on, each made in another thread while whoever takes them has the one before.

    FFmpeg, soxr and numpy compute beside each other, so that two stages that take equally long
    take half the time. Not more than one block waits. What `blocks` raises is raised here;
    letting go of the iterator, or closing it, ends the thread.
    """
    source = iter(blocks)
    with ThreadPoolExecutor(1, "ahead") as thread:
        coming = thread.submit(next, source, None)
        while (block := coming.result()) is not None:
            coming = thread.submit(next, source, None)
            yield block
