"""Long silence with a click near its start and near its end, in any container."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import av
import numpy as np
from av.audio.stream import AudioStream

from neuralib.audio.block import Block
from tests.audio.containers import Kind

_CLICK = 0.8 * np.hanning(11)[1:-1]


def write_clicks(path: Path, kind: Kind, rate: int, seconds: int) -> Path:
    """Write mono silence with clicks at second 1 and one second before the end, bit by bit."""
    with av.open(str(path), "w", format=kind.container) as output:
        stream = output.add_stream(kind.codec, rate=rate, layout="mono")
        assert isinstance(stream, AudioStream)
        if kind.codec.startswith("wma"):
            stream.bit_rate = 128_000
        if kind.sample_format:
            stream.format = kind.sample_format
        for second in range(seconds):
            samples = np.zeros((1, rate), np.float32)
            if second in (1, seconds - 1):
                samples[:, : len(_CLICK)] = _CLICK
            frame = av.AudioFrame.from_ndarray(samples, "flt", "mono")
            frame.sample_rate, frame.pts = rate, second * rate
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return path


def lateness(
    blocks: Iterable[Block], rate: int, click_rate: int, seconds: int
) -> tuple[float, float, float]:
    """Give how late the two clicks are, and by how much all is longer, in seconds.

    Args:
        blocks: what was decoded, at `rate` hertz.
        rate: of the blocks.
        click_rate: of the file.
        seconds: of the file.
    """
    done, loudest = 0, {1: (0.0, 0), seconds - 1: (0.0, 0)}
    for block in blocks:
        for second in loudest:
            # What is within half a second of the click.
            start = max(round((second - 0.5) * rate) - done, 0)
            part = np.abs(block[0, start : max(round((second + 0.5) * rate) - done, 0)])
            if part.size and (level := float(part.max())) > loudest[second][0]:
                loudest[second] = level, done + start + int(part.argmax())
        done += block.shape[1]
    middle = len(_CLICK) // 2 / click_rate
    first, last = (at / rate - second - middle for second, (_, at) in loudest.items())
    return first, last, done / rate - seconds
