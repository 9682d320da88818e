"""Activations of a song of any length, kept out of memory while they arrive."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from types import TracebackType

import numpy as np

from neuralib.errors import OutputError
from neuralib.midi.activations import BINS_PER_KEY, KEYS, Activations, Matrix
from neuralib.midi.times import HOP, SAMPLE_RATE

BYTES_A_SECOND = (2 * KEYS + KEYS * BINS_PER_KEY) * 4 * SAMPLE_RATE // HOP
"""What a second of audio takes in temporary files."""


class Recorder:
    """Collects activations piece by piece in temporary files (151 KB a second of audio).

    The files have no name in the file system where it allows that. They are open for as long as
    the context lasts; what was finished in it stays readable, and goes away with the activations.
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
        """Add the next frames.

        Raises:
            OutputError: where the folder for temporary files is full.
        """
        self._onsets.append(piece.onsets)
        self._notes.append(piece.notes)
        self._contours.append(piece.contours)

    def finish(self, frames: int, reference_frames: int | None = None) -> Activations:
        """Give the first `frames` frames, read from the files as they are needed."""
        return Activations(
            self._onsets.finish(frames),
            self._notes.finish(frames),
            self._contours.finish(frames),
            reference_frames,
        )


class _Growing:
    """A matrix that grows by rows in a temporary file."""

    def __init__(self, width: int, files: ExitStack) -> None:
        self._width = width
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the stack
        files.callback(self._file.close)

    def append(self, rows: Matrix) -> None:
        try:
            self._file.write(np.ascontiguousarray(rows).data)
            self._file.flush()
        except OSError as error:
            raise OutputError(
                f"activations cannot be kept in {tempfile.gettempdir()} ({error.strerror}); free "
                "some space there (9 MB a minute of audio), or set TMPDIR to another folder"
            ) from error

    def finish(self, frames: int) -> Matrix:
        shape = (frames, self._width)
        if not frames:  # an empty file cannot be mapped
            return np.zeros(shape, np.float32)
        return np.asarray(np.memmap(self._file, np.float32, "r", shape=shape))
