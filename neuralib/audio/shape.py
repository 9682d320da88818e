"""Audio in the shape that a model takes: its sample rate and its number of channels."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np

from neuralib.audio.ahead import ahead
from neuralib.audio.block import Block
from neuralib.audio.decode import Recording, open_recording
from neuralib.audio.resample import resample
from neuralib.errors import UsageError

_MINUS_3_DB = float(np.sqrt(0.5))
_USUAL_LAYOUTS: dict[int, tuple[str, ...]] = {
    6: ("FL", "FR", "FC", "LFE", "BL", "BR"),
    8: ("FL", "FR", "FC", "LFE", "BL", "BR", "SL", "SR"),
}


def read(
    path: Path, sample_rate: int, channels: int, *, stream: int | None = None
) -> Iterator[Block]:
    """Decode a file into the sample rate and the channels that a model takes.

    Args:
        path: as for `decode`.
        sample_rate: wanted, hertz.
        channels: wanted, 1 or 2.
        stream: as for `decode`.

    Raises:
        InputError: as `decode` does.
    """
    with open_shaped(path, sample_rate, channels, stream=stream) as recording:
        yield from recording.blocks


@contextmanager
def open_shaped(
    path: Path, sample_rate: int, channels: int, *, stream: int | None = None
) -> Iterator[Recording]:
    """Open a file as `open_recording` does; its blocks have the shape that a model takes.

    Its header is told as it is in the file.

    Args:
        path: as for `decode`.
        sample_rate: as for `read`.
        channels: as for `read`.
        stream: as for `decode`.

    Raises:
        InputError: as `open_recording` does.
    """
    with open_recording(path, stream=stream) as recording:
        info = recording.info
        # Folding first leaves fewer channels to resample, and both are linear.
        folded = fold(recording.blocks, info.layout, channels)
        if info.sample_rate == sample_rate:
            yield replace(recording, blocks=folded)
            return
        if info.is_short:
            yield replace(recording, blocks=resample(folded, info.sample_rate, sample_rate))
            return
        # Its thread reads the file, and has to end before that is closed.
        with closing(ahead(folded)) as coming:
            yield replace(recording, blocks=resample(coming, info.sample_rate, sample_rate))


def fold(blocks: Iterable[Block], layout: Sequence[str], channels: int) -> Iterator[Block]:
    """Change the number of channels.

    - The same number passes through untouched.
    - Mono is copied to every channel.
    - More than two become stereo by the gains of `stereo_gains`; the sum may exceed full
      scale, which float32 carries, and nothing is scaled down: a model, and the listener,
      get the front pair as loud as it is in the file.
    - Anything becomes mono as the mean of its stereo form.

    Args:
        blocks: (len(layout), frames) each.
        layout: position of every channel, as in `AudioInfo.layout`.
        channels: wanted.

    Yields:
        (channels, frames), float32.

    Raises:
        UsageError: for more than two channels out of another number than one.
    """
    source = len(layout)
    if source == channels:
        return iter(blocks)
    if source == 1:
        return (np.repeat(block, channels, axis=0) for block in blocks)
    if channels > 2:
        raise UsageError(
            f"got {source} channels where the model takes {channels}; "
            f"give it a file of 1 or {channels} channels"
        )
    stereo = iter(blocks) if source == 2 else _to_stereo(blocks, stereo_gains(layout))
    return stereo if channels == 2 else (_mean(block) for block in stereo)


def stereo_gains(layout: Sequence[str]) -> list[tuple[float, float]]:
    """Give what each channel of a layout adds to (left, right).

    After Recommendation ITU-R BS.775-3, table 2: the front pair at 0 dB, the centre and all
    surrounds at -3 dB (a channel of the middle on both sides), low-frequency effects left out.
    The side is that of FFmpeg's channel names (FL, BR, SL, TFR, FC, BC ...). Channels without
    positions are taken as 5.1 where they are six and as 7.1 where they are eight; of any other
    number (or ambisonics) each side gets the mean of all.
    """
    if not all(layout):
        layout = _USUAL_LAYOUTS.get(len(layout), layout)
    if not all(layout):
        return [(1 / len(layout), 1 / len(layout))] * len(layout)
    return [_gains(name) for name in layout]


def _gains(name: str) -> tuple[float, float]:
    if name.startswith("LFE"):
        return 0.0, 0.0
    gain = 1.0 if name in ("FL", "FR", "DL", "DR") else _MINUS_3_DB
    left, right = "L" in name, "R" in name
    return (0.0 if right else gain), (0.0 if left else gain)


def _to_stereo(blocks: Iterable[Block], gains: list[tuple[float, float]]) -> Iterator[Block]:
    for block in blocks:
        # A sum of rows, not a matrix product: BLAS rounds differently at other block lengths.
        mixed = np.zeros((2, block.shape[1]), np.float32)
        for side, of_channels in enumerate(zip(*gains, strict=True)):
            for channel, gain in zip(block, of_channels, strict=True):
                if gain:
                    mixed[side] += np.float32(gain) * channel
        yield mixed


def _mean(stereo: Block) -> Block:
    mixed: Block = stereo[:1] + stereo[1:]
    mixed *= np.float32(0.5)
    return mixed
