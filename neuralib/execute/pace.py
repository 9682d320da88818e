"""How long it will take to encode what waits to be encoded, and to hash it then."""

from __future__ import annotations

import contextlib
import hashlib
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from neuralib.audio.block import Block
from neuralib.audio.draft import Draft
from neuralib.audio.writer import Writer
from neuralib.errors import OutputError

_FIRST_SECONDS = 20.0
"""Shorter tracks are done before anybody asks."""
_TRIED_SECONDS = 4.0


class Pace:
    """Encodes a little of what comes now and then, each time after twice as much audio.

    Silence, speech and loud music take different times, and so do formats and machines: only
    a trial tells. An hour of four stems has eight of them, a second in all for mp3. What counts is
    the time of the processor, for the model that computes meanwhile is done by then.

    Args:
        sample_rate: of the parts, in Hz.
        open: starts a file like those that will be written, at a path.
    """

    def __init__(self, sample_rate: int, open: Callable[[Path], Writer]) -> None:
        self._sample_rate = sample_rate
        self._open = open
        self._heard = 0
        self._next = int(_FIRST_SECONDS * sample_rate)
        self._tried_frames = 0
        self._reading_seconds = 0.0
        self._encoding_seconds = 0.0
        self._hashing_seconds = 0.0

    def hear(self, part: NDArray[np.float32]) -> None:
        """Take note of the next (stems, channels, frames)."""
        self._heard += part.shape[-1]
        if self._heard < self._next:
            return
        self._next = 2 * self._heard
        clip = part[..., : int(_TRIED_SECONDS * self._sample_rate)]
        # An estimate is not worth a failed run: there may be no room for a trial.
        with (
            contextlib.suppress(OSError, OutputError),
            tempfile.TemporaryDirectory(prefix="neuralib-") as folder,
        ):
            for stem in clip:
                self._try(stem, Path(folder))

    def _try(self, stem: Block, folder: Path) -> None:
        path = folder / "trial"
        with (folder / "draft").open("w+b") as file, self._open(path) as writer:
            draft = Draft(file, len(stem), path.name)
            draft.write(stem)
            started = time.thread_time()
            for _ in draft.read():
                pass
            read = time.thread_time()
            for _ in draft.encode(writer, 1.0):
                pass
            self._reading_seconds += read - started
            self._encoding_seconds += max(time.thread_time() - read - (read - started), 0.0)
        started = time.thread_time()
        hashlib.sha256(path.read_bytes())
        self._hashing_seconds += time.thread_time() - started
        self._tried_frames += stem.shape[-1]

    def encoding_seconds(self, audio_seconds: float, together: int = 1) -> float:
        """Estimate how long it takes to read and encode so much audio, so many stems at once.

        More cores do not read faster: it is memory that they wait for. 0 before a trial.
        """
        took_seconds = self._reading_seconds + self._encoding_seconds / together
        return self._estimate(audio_seconds, took_seconds)

    def hashing_seconds(self, audio_seconds: float) -> float:
        """Estimate how long it takes to hash the file of so much audio; 0 before a trial."""
        return self._estimate(audio_seconds, self._hashing_seconds)

    def _estimate(self, audio_seconds: float, took_seconds: float) -> float:
        if not self._tried_frames:
            return 0.0
        return audio_seconds * took_seconds * self._sample_rate / self._tried_frames
