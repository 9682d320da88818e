"""Whisper's log-mel spectrogram, computed piece by piece."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuralib.audio.spool import Spool
from neuralib.engines.per_array import per_array

_FRAMES = 3000
"""Frames a piece: 30 s."""


class BlockwiseLogMel:
    """Stands for a `faster_whisper.feature_extractor.FeatureExtractor`, in constant memory.

    The original transforms the whole input at once, which takes 3 GB an hour of audio; of the
    result, 115 MB an hour (80 bands), only the window that is looked at is in memory.
    """

    def __init__(self, extractor: Any) -> None:
        self._extractor = extractor
        self._once = per_array(self._spectrogram)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._extractor, name)

    def __call__(
        self, waveform: NDArray[np.float32], padding: int = 160, chunk_length: int | None = None
    ) -> NDArray[np.float32]:
        """Compute what the extractor would; for the same array once.

        Args:
            waveform: mono, shape (samples,), at 16 kHz.
            padding: zeros after the end; at least half a window less one hop.
            chunk_length: not used; the extractor's own holds.

        Returns:
            float32, shape (bands, (samples + padding) // 160), in a temporary file.

        Raises:
            OutputError: where there is no room for it.
        """
        return self._once(waveform, padding)

    def _spectrogram(self, waveform: NDArray[np.float32], padding: int) -> NDArray[np.float32]:
        frames = (waveform.size + padding) // self.hop_length
        loudest = -np.inf
        with Spool(len(self.mel_filters), "a spectrogram") as spool:
            for first in range(0, frames, _FRAMES):
                piece = self._log10(waveform, first, min(first + _FRAMES, frames))
                loudest = max(loudest, float(piece.max()))
                spool.append(piece.T)
            spool.update(partial(_scaled, loudest=loudest))
            return spool.finish().T

    def _log10(self, waveform: NDArray[np.float32], first: int, last: int) -> NDArray[np.float32]:
        """Compute frames `first` to `last`, shape (bands, frames)."""
        hop, half = self.hop_length, self.n_fft // 2
        window = np.hanning(self.n_fft + 1)[:-1].astype(np.float32)
        piece = _reflected(waveform, first * hop - half, (last - 1) * hop + half)
        spectrum = self.stft(
            piece, self.n_fft, hop, window=window, center=False, return_complex=True
        )
        power = np.abs(spectrum.astype(np.complex64)) ** 2
        levels: NDArray[np.float32] = np.log10(np.maximum(self.mel_filters @ power, 1e-10))
        return levels


def _scaled(levels: NDArray[np.float32], *, loudest: float) -> NDArray[np.float32]:
    result: NDArray[np.float32] = np.maximum(levels, np.float32(loudest - 8.0))
    result += 4.0
    result /= 4.0
    return result


def _reflected(waveform: NDArray[np.float32], first: int, last: int) -> NDArray[np.float32]:
    """Cut out samples `first` to `last`; mirrored before the start, zeros after the end."""
    piece = np.zeros(last - first, np.float32)
    known = waveform[max(first, 0) : last]
    begin = max(-first, 0)
    piece[begin : begin + known.size] = known
    mirrored = waveform[1 : begin + 1]
    piece[begin - mirrored.size : begin] = mirrored[::-1]
    return piece
