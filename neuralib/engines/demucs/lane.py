"""One run of one model over a mix that arrives in blocks."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, wait

import numpy as np
from numpy.typing import NDArray

from neuralib.audio.block import Block
from neuralib.audio.overlap_add import OverlapAdd
from neuralib.audio.segment import Segment, Segmenter
from neuralib.engines.demucs.network import Network

_LOOK_SECONDS = 0.1
"""How often a wait ends for an interrupt, which Python raises between two steps only."""


class Lane:
    """Takes the mix in blocks and gives the separated stems as soon as they are final.

    Some segments may be under way together; their results are taken in their order.

    A lane may run shifted: `lead` frames of silence go in front of the mix, and their part of
    the output is thrown away, so that the segments lie elsewhere.
    """

    def __init__(
        self,
        network: Network,
        stems: Sequence[int],
        segmenter: Segmenter,
        overlap_add: OverlapAdd,
        lead: Block,
    ) -> None:
        """Start before the first frame of the mix.

        Args:
            network: separates the segments.
            stems: which of the model's stems are wanted.
            segmenter: cuts the mix.
            overlap_add: of the segmenter's length and stride, joins the stems.
            lead: the silence, (channels, frames).
        """
        self._network = network
        self._stems = stems
        self._under_way: deque[tuple[Segment, Future[NDArray[np.float32]]]] = deque()
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
        yield from self._run(self._segmenter.finish())
        self._network.flush()
        yield from self._collect(0)

    def stop(self) -> None:
        """Begin no more of the segments that wait for their turn, and end the others."""
        for _, separated in self._under_way:
            separated.cancel()
        if self._under_way:
            self._network.stop()

    def _run(self, segments: Iterable[Segment]) -> Iterator[NDArray[np.float32]]:
        for segment in segments:
            separated = self._network.start(segment.samples, self._stems)
            self._under_way.append((segment, separated))
            yield from self._collect(self._network.ahead)

    def _collect(self, most: int) -> Iterator[NDArray[np.float32]]:
        """Wait until at most `most` segments are under way."""
        while len(self._under_way) > most:
            segment, separated = self._under_way[0]
            while not wait([separated], _LOOK_SECONDS).done:
                pass
            self._under_way.popleft()
            final = self._overlap_add.add(segment.trim(separated.result()))
            dropped = min(self._to_drop, final.shape[-1])
            self._to_drop -= dropped
            if dropped < final.shape[-1]:
                yield final[..., dropped:]
