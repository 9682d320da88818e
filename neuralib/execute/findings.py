"""What reading a recording has told, for the next run on it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from neuralib.audio.decode import AudioInfo


@dataclass(frozen=True)
class Level:
    """How long and how loud a recording is."""

    frames: int
    """Length in samples of one channel, in the recording's own rate."""
    mean: float
    """Of the mono mix, as a model hears it."""
    std: float
    """Standard deviation of the same; full scale is 1."""


@dataclass(frozen=True)
class Findings:
    """Kept by whoever keeps a file that does not change; grows as runs read it."""

    infos: dict[int | None, AudioInfo] = field(default_factory=dict)
    """By stream."""
    levels: dict[tuple[int | None, int, int], Level] = field(default_factory=dict)
    """By stream, and the sample rate and channels in which a model hears it."""
    samples: dict[tuple[int | None, int], NDArray[np.float32]] = field(default_factory=dict)
    """Mono, shape (samples,), by stream and sample rate; in a temporary file."""
