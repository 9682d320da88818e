"""Separation by Demucs: the same stems as demucs' `apply_model`, in constant memory."""

from __future__ import annotations

import logging
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from neuralib.audio.block import Block
from neuralib.audio.overlap_add import OverlapAdd
from neuralib.audio.segment import Segmenter
from neuralib.audio.stream_sum import StreamSum
from neuralib.engines import openvino_runtime
from neuralib.engines.base import Normalisation, Prepare, Separator
from neuralib.engines.demucs.bag import Bag, Run
from neuralib.engines.demucs.checkpoint import Checkpoint
from neuralib.engines.demucs.files import read_checkpoint
from neuralib.engines.demucs.lane import Lane
from neuralib.engines.demucs.network import DemucsNetwork, Network
from neuralib.engines.demucs.openvino import OpenVINONetwork
from neuralib.engines.demucs.prepared import PreparedDemucs, Unsupported, has_graph, prepare
from neuralib.engines.device import Placement, cores, exact
from neuralib.errors import CheckpointError, OutputError, UsageError
from neuralib.models.files import ModelFiles

_LOG = logging.getLogger(__name__)

_LEAST_DEVIATION = 1e-8  # demucs' `Separator.separate_tensor`; keeps silence silent


class Demucs(Separator):
    """HTDemucs, HDemucs and Demucs models, alone or in a bag.

    All the models of a bag go through the mix together, each at the pace of its own segments,
    and their stems are averaged by the bag's weights. Only models with a weight for a wanted
    stem run, and only their weights are read; a checkpoint that a bag lists twice is read once.
    """

    best_precision = staticmethod(openvino_runtime.best_precision)

    def __init__(
        self, model: ModelFiles, placement: Placement, prepared: Prepare | None = None
    ) -> None:
        super().__init__(model, placement, prepared)
        self._prepared = prepared

    def load(self) -> None:
        """Read what the checkpoints say, and the weights unless a bag leaves a choice."""
        if hasattr(self, "_bag"):
            return
        checkpoints = {path: self._open(path) for path in dict.fromkeys(self.model.paths)}
        first = checkpoints[self.model.paths[0]]
        for other in checkpoints.values():
            _check_alike(other, first)
        bag = Bag(self.model.paths, self.model.weights, first.sources)
        self.sources = first.sources
        self.sample_rate = first.sample_rate
        self.channels = first.channels
        self._checkpoints = checkpoints
        if all(isinstance(each, PreparedDemucs) for each in checkpoints.values()):
            self.runtime = openvino_runtime.RUNTIME
        elif self.placement.is_free:
            self.placement = replace(self.placement, precision=exact(self.placement.device))
        self._networks: dict[Path, Network] = {}
        if len(checkpoints) == 1:
            self._network(first.path, alone=True)
        self._bag = bag

    def separate(
        self,
        blocks: Iterable[Block],
        normalisation: Normalisation,
        stems: Sequence[str],
        *,
        overlap: float,
        shifts: int,
        seed: int,
    ) -> Generator[NDArray[np.float32], None, None]:
        """Yield the stems as the mix arrives; see `Separator.separate`.

        The shifts are drawn by Python's `random.Random(seed)` for all models of the bag in
        turn, wanted or not, as demucs draws them: with the same shifts it gives the same stems.

        Raises:
            UsageError: where a stem is not one of `sources`, or the overlap leaves no step.
            CheckpointError: where the weights of a wanted model cannot be read.
            DeviceMissing: where the device has too little memory.
        """
        self.load()
        columns = [self._column(stem) for stem in stems]
        runs = self._bag.runs(columns, shifts, seed, self.sample_rate)
        alone = len({run.path for run in runs}) == 1
        lanes = [self._lane(run, columns, overlap, alone) for run in runs]
        level = (
            np.float32(normalisation.mean),
            np.float32(normalisation.std + _LEAST_DEVIATION),
        )
        total = StreamSum(len(lanes), (len(columns), self.channels))
        return _restored(_add_up(_normalised(blocks, *level), runs, lanes, total), *level)

    def _column(self, stem: str) -> int:
        if stem not in self.sources:
            raise UsageError(
                f"model {self.model.name!r} has no stem {stem!r}; its stems are "
                f"{', '.join(self.sources)}"
            )
        return self.sources.index(stem)

    def _lane(self, run: Run, columns: Sequence[int], overlap: float, alone: bool) -> Lane:
        network = self._network(run.path, alone)
        length = network.segment_frames
        stride = int((1 - overlap) * length)
        if stride < 1:
            raise UsageError(
                f"overlap {overlap:g} leaves no step between segments of {length} frames; take "
                "a smaller one"
            )
        return Lane(
            network,
            columns,
            Segmenter(self.channels, length, stride, network.padded_length),
            OverlapAdd((len(columns), self.channels), length, stride),
            np.zeros((self.channels, run.lead_frames), np.float32),
        )

    def _open(self, path: Path) -> Checkpoint | PreparedDemucs:
        """Read what a checkpoint says, or its graph, which is made where it is not there yet."""
        if self._prepared is not None and self._is_on_openvino():
            try:
                return prepare(path, self.model.segment_seconds, self._prepared)
            except Unsupported:
                pass
            except OutputError as error:
                return self._told(read_checkpoint(path), error)
        return read_checkpoint(path)

    def _told(self, checkpoint: Checkpoint, error: OutputError) -> Checkpoint:
        """Say that a checkpoint's graph cannot be kept, if it can have one."""
        if has_graph(checkpoint, self.model.segment_seconds):
            _LOG.warning(
                "no graph of %s can be kept (%s); PyTorch computes instead, which is slower",
                checkpoint.path, error.message,
            )  # fmt: skip
        return checkpoint

    def _is_on_openvino(self) -> bool:
        return (
            self.placement.device == "cpu"
            and self.placement.precision != "fp16"
            and openvino_runtime.is_here()
            and openvino_runtime.computes(self.placement.precision)
        )

    def _network(self, path: Path, alone: bool) -> Network:
        if path not in self._networks:
            self._networks[path] = self._loaded(self._checkpoints[path], alone)
        return self._networks[path]

    def _loaded(self, checkpoint: Checkpoint | PreparedDemucs, alone: bool) -> Network:
        """Load a network; one that is not `alone` must leave memory for the others."""
        if isinstance(checkpoint, PreparedDemucs):
            ahead = 2 if alone and cores() > 1 else 1
            return OpenVINONetwork(checkpoint, self.placement.precision, ahead)
        network = DemucsNetwork(checkpoint, self.model.segment_seconds, self.placement)
        self.placement = network.placement
        return network


def _check_alike(other: Checkpoint | PreparedDemucs, first: Checkpoint | PreparedDemucs) -> None:
    for what in ("sources", "sample_rate", "channels"):
        if getattr(other, what) != getattr(first, what):
            raise CheckpointError(
                f"{other.path} and {first.path} cannot be one bag: their {what} are "
                f"{getattr(other, what)} and {getattr(first, what)}"
            )


def _normalised(blocks: Iterable[Block], mean: np.float32, std: np.float32) -> Iterator[Block]:
    for block in blocks:
        yield (block - mean) / std


def _restored(
    parts: Iterable[NDArray[np.float32]], mean: np.float32, std: np.float32
) -> Generator[NDArray[np.float32], None, None]:
    for part in parts:
        yield part * std + mean


def _add_up(
    blocks: Iterable[Block], runs: Sequence[Run], lanes: Sequence[Lane], total: StreamSum
) -> Iterator[NDArray[np.float32]]:
    """Feed every block to all the lanes, and add up their parts of the stems."""
    gains = [np.array(run.gains, np.float32)[:, None, None] for run in runs]

    def collect(
        outputs: Iterable[Iterator[NDArray[np.float32]]],
    ) -> Iterator[NDArray[np.float32]]:
        for index, output in enumerate(outputs):
            for part in output:
                complete = total.add(index, gains[index] * part)
                if complete.shape[-1]:
                    yield complete

    try:
        for block in blocks:
            yield from collect(lane.push(block) for lane in lanes)
        yield from collect(lane.finish() for lane in lanes)
    finally:
        for lane in lanes:
            lane.stop()
