"""Demucs' transform to frequencies and back, in numpy.

The same as `_spec` and `_ispec` of HTDemucs (`demucs/htdemucs.py`): torch's STFT with a Hann
window and a hop of a quarter of it. That takes only frames that reach into the segment, so the
window's squares sum to 3/2 wherever a sample is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

_OVERLAP = 4
"""Windows that share a sample."""
_SQUARES = 1.5
"""Sum of their squares."""
_PIECE = 8
"""Steps that are transformed together: of all stems they are a megabyte."""


class Spectrum:
    """Transforms between `frames` samples and steps of `size // 2` bins; no Nyquist bin."""

    def __init__(self, size: int, frames: int) -> None:
        """Compute the window.

        Args:
            size: of the transform.
            frames: length of the segments.
        """
        self._size = size
        self._hop = size // _OVERLAP
        self.steps = -(-frames // self._hop)
        self._frames = frames
        self._lead = 3 * (self._hop // 2)
        self._behind = self.mirrored(size, frames)
        window = np.hanning(size + 1)[:-1]
        self._into = (window / np.sqrt(size)).astype(np.float32)
        self._back = (window * np.sqrt(size) / _SQUARES).astype(np.float32)

    @staticmethod
    def mirrored(size: int, frames: int) -> int:
        """Tell how many frames are mirrored at a segment's end; fewer are at its beginning."""
        hop = size // _OVERLAP
        return 3 * (hop // 2) + -frames % hop

    def forward(self, wave: NDArray[np.float32], out: NDArray[np.complex64]) -> None:
        """Transform (channels, frames) into `out`, (channels, steps, bins)."""
        hop = self._hop
        padded = np.pad(wave, ((0, 0), (self._lead, self._behind)), mode="reflect")
        stretches = np.lib.stride_tricks.sliding_window_view(padded, self._size, axis=-1)
        stretches = stretches[:, : self.steps * hop : hop]
        for piece in self._pieces():
            out[:, piece] = np.fft.rfft(stretches[:, piece] * self._into)[..., :-1]

    def back(
        self, channels: int, spectrum: Callable[[slice], NDArray[np.complex64]]
    ) -> NDArray[np.float32]:
        """Transform to (channels, frames).

        Args:
            channels: of the result.
            spectrum: gives some steps of it, (channels, steps, bins + 1); the last bin, which is
                Nyquist's, must be zero.
        """
        hop = self._hop
        wave = np.zeros((channels, self.steps + _OVERLAP - 1, hop), np.float32)
        for piece in self._pieces():
            stretches = np.fft.irfft(spectrum(piece), self._size).astype(np.float32, copy=False)
            stretches *= self._back
            steps = stretches.shape[1]
            for part in range(_OVERLAP):
                first = piece.start + part
                wave[:, first : first + steps] += stretches[..., part * hop : (part + 1) * hop]
        return wave.reshape(channels, -1)[:, self._lead : self._lead + self._frames]

    def _pieces(self) -> Iterator[slice]:
        """Give the steps in groups so small that a core's cache holds their spectrum."""
        for start in range(0, self.steps, _PIECE):
            yield slice(start, start + _PIECE)
