"""Activations of a song of any length, kept out of memory while they arrive."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from types import TracebackType
from typing import IO

import numpy as np

from neuralib.errors import OutputError
from neuralib.midi.activations import BINS_PER_KEY, KEYS, Activations, Matrix
from neuralib.midi.times import HOP, KEPT_FRAMES, SAMPLE_RATE, STRIDE_SAMPLES

BYTES_A_SECOND = (2 * KEYS + KEYS * BINS_PER_KEY) * 4 * SAMPLE_RATE // HOP
"""What a second of audio takes."""

_FRAMES_IN_MEMORY = 1200
"""14 seconds, 2 MB: making the files takes as long as the notes of a short clip."""

MOST_SECONDS_IN_MEMORY = _FRAMES_IN_MEMORY // KEPT_FRAMES * STRIDE_SAMPLES / SAMPLE_RATE
"""Of shorter audio nothing is written to temporary files."""


class Recorder:
    """Collects activations piece by piece (151 KB a second of audio).

    Those of a short clip stay in memory, the others in temporary files, which have no name in the
    file system where it allows that. They are open for as long as the context lasts; what was
    finished in it stays readable, and goes away with the activations.
    """

    def __init__(self) -> None:
        self._files = ExitStack()
        self._onsets = _Growing(KEYS, self._files)
        self._notes = _Growing(KEYS, self._files)
        self._contours = _Growing(KEYS * BINS_PER_KEY, self._files)

    def __enter__(self) -> Recorder:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._files.close()

    def append(self, piece: Activations) -> None:
        """Add the next frames; the piece is not to be changed afterwards.

        Raises:
            OutputError: where the folder for temporary files is full.
        """
        self._onsets.append(piece.onsets)
        self._notes.append(piece.notes)
        self._contours.append(piece.contours)

    def finish(self, frames: int, reference_frames: int | None = None) -> Activations:
        """Give the first `frames` frames; those in files are read as they are needed."""
        return Activations(
            self._onsets.finish(frames),
            self._notes.finish(frames),
            self._contours.finish(frames),
            reference_frames,
        )


class _Growing:
    """A matrix that grows by rows, in a temporary file when they are many."""

    def __init__(self, width: int, files: ExitStack) -> None:
        self._files = files
        self._file: IO[bytes] | None = None
        self._waiting = [np.zeros((0, width), np.float32)]
        self._frames = 0

    def append(self, rows: Matrix) -> None:
        self._waiting.append(rows)
        self._frames += len(rows)
        if self._frames > _FRAMES_IN_MEMORY:
            self._write()

    def _write(self) -> None:
        """Move what waits in memory to the file."""
        try:
            if self._file is None:
                self._file = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the stack
                self._files.callback(self._file.close)
            for rows in self._waiting:
                self._file.write(np.ascontiguousarray(rows).data)
            self._file.flush()
        except OSError as error:
            raise OutputError(
                f"activations cannot be kept in {tempfile.gettempdir()} ({error.strerror}); free "
                "some space there (9 MB a minute of audio), or set TMPDIR to another folder"
            ) from error
        del self._waiting[1:]

    def finish(self, frames: int) -> Matrix:
        if self._file is None or not frames:  # nothing of a file cannot be mapped
            *_, last = self._waiting
            whole = last if len(last) == self._frames else np.concatenate(self._waiting)
            return whole[:frames]
        shape = (frames, self._waiting[0].shape[1])
        return np.asarray(np.memmap(self._file, np.float32, "r", shape=shape))
