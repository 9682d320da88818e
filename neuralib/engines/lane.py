"""One run of one model over a mix that arrives in blocks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from neuralib.audio.block import Block
from neuralib.audio.overlap_add import OverlapAdd
from neuralib.audio.segment import Segment, Segmenter


class Lane:
    """Takes the mix in blocks and gives the separated stems as soon as they are final.

    A lane may run shifted: `lead` frames of silence go in front of the mix, and their part of
    the output is thrown away, so that the segments lie elsewhere.
    """

    def __init__(
        self,
        separate: Callable[[Block], NDArray[np.float32]],
        segmenter: Segmenter,
        overlap_add: OverlapAdd,
        lead: Block,
    ) -> None:
        """Start before the first frame of the mix.

        Args:
            separate: turns (channels, frames) into (stems, channels, frames).
            segmenter: cuts the mix.
            overlap_add: of the segmenter's length and stride, joins the stems.
            lead: the silence, (channels, frames).
        """
        self._separate = separate
        self._segmenter = segmenter
        self._overlap_add = overlap_add
        self._lead = lead
        self._to_drop = lead.shape[-1]

    def push(self, block: Block) -> Iterator[NDArray[np.float32]]:
        """Take in a block; yield the frames that are final: (stems, channels, frames)."""
        lead, self._lead = self._lead, self._lead[:, :0]
        yield from self._run(self._segmenter.push(lead))
        yield from self._run(self._segmenter.push(block))

    def finish(self) -> Iterator[NDArray[np.float32]]:
        """Yield the rest; the mix has ended."""
        return self._run(self._segmenter.finish())

    def _run(self, segments: Iterable[Segment]) -> Iterator[NDArray[np.float32]]:
        for segment in segments:
            separated = segment.trim(self._separate(segment.samples))
            final = self._overlap_add.add(separated)
            dropped = min(self._to_drop, final.shape[-1])
            self._to_drop -= dropped
            if dropped < final.shape[-1]:
                yield final[..., dropped:]
