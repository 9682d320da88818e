"""Run a `SeparateTask`: two passes over the input, one through the model, one file a stem."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neuralib.audio.block import Block
from neuralib.audio.decode import AudioInfo, decode, probe
from neuralib.audio.encode import open_writer
from neuralib.audio.measure import measure
from neuralib.audio.resample import resample
from neuralib.audio.shape import fold
from neuralib.audio.writer import Writer
from neuralib.engines.base import Normalisation, Separator
from neuralib.errors import DecodeError, UsageError
from neuralib.execute.sink import Sink
from neuralib.execute.source import Source
from neuralib.execute.watch import Watch
from neuralib.progress import Report
from neuralib.tasks import SeparateTask


@dataclass(frozen=True)
class _Shape:
    """The shape of the stems: that of the input, with at most two channels."""

    sample_rate: int
    channels: int
    bit_depth: int


def run_separate(
    task: SeparateTask, source: Source, sink: Sink, report: Report, engine: Separator
) -> float:
    """Write the stems of `source`; return its length in seconds.

    The first pass measures the level by which Demucs wants the whole track normalised; the
    second feeds the model. The stems come out in the input's sample rate, length and channel
    count (more than two channels are folded to stereo).

    Raises:
        DecodeError: where the second pass finds less than the first, or as `decode` does.
    """
    stems = wanted_stems(task, engine.sources)
    info = probe(source.path)
    shape = _Shape(info.sample_rate, min(info.channels, 2), _bit_depth(task, info))
    with ExitStack() as stack:
        writers = [
            stack.enter_context(_open(sink, name, task, shape))
            for name in artifact_names(task, engine.sources)
        ]
        normalisation, frames = _measure(source, info, report, engine)
        blocks = _whole(decode(source.path, warn=False), frames, source)
        heard, mix = _mix(blocks, info, shape, twice=task.two_stems is not None)
        parts = engine.separate(
            _in_model_shape(heard, info, engine),
            normalisation,
            stems,
            overlap=task.overlap,
            shifts=task.shifts,
            seed=task.seed,
        )
        watch = Watch(report, "run", shape.sample_rate, frames / shape.sample_rate)
        outputs = _in_output_shape(parts, len(stems), engine, shape, frames)
        for block in _with_rest(watch(outputs), mix):
            for writer, stem in zip(writers, block, strict=True):
                writer.write(stem)
    return frames / shape.sample_rate


def wanted_stems(task: SeparateTask, sources: tuple[str, ...]) -> tuple[str, ...]:
    """Name the stems that the model has to compute for `task`.

    Raises:
        UsageError: where the task names a stem that the model does not know.
    """
    wanted = (task.two_stems,) if task.two_stems else task.stems or sources
    for stem in wanted:
        if stem not in sources:
            raise UsageError(
                f"model {task.model!r} has no stem {stem!r}; its stems are {', '.join(sources)}"
            )
    return wanted


def artifact_names(task: SeparateTask, sources: tuple[str, ...]) -> tuple[str, ...]:
    """Name the files that `task` writes with a model of these `sources`."""
    stems = wanted_stems(task, sources)
    rest = (f"no_{task.two_stems}",) if task.two_stems else ()
    return tuple(f"{stem}.{task.format}" for stem in stems + rest)


def _bit_depth(task: SeparateTask, info: AudioInfo) -> int:
    depth = task.bit_depth or info.bit_depth or 16
    return 24 if task.format == "flac" and depth == 32 else depth


def _open(sink: Sink, name: str, task: SeparateTask, shape: _Shape) -> Writer:
    return open_writer(
        sink.create("stem", name),
        label=name,
        format=task.format,
        sample_rate=shape.sample_rate,
        channels=shape.channels,
        bit_depth=shape.bit_depth,
    )


def _measure(
    source: Source, info: AudioInfo, report: Report, engine: Separator
) -> tuple[Normalisation, int]:
    watch = Watch(report, "measure", info.sample_rate, info.seconds)
    measured = measure(_in_model_shape(watch(decode(source.path)), info, engine))
    return Normalisation(measured.mean, measured.std), watch.frames


def _whole(blocks: Iterable[Block], frames: int, source: Source) -> Iterator[Block]:
    """Pass on what the second reading gives, which must not be less than the first gave.

    It may be more: a recording that goes on is separated as far as it was measured.
    """
    for block in blocks:
        frames -= block.shape[-1]
        yield block
    if frames > 0:
        raise DecodeError(
            f"{str(source.path)!r} became shorter while it was read; run it again when nothing "
            "writes to it any more"
        )


def _mix(
    blocks: Iterator[Block], info: AudioInfo, shape: _Shape, *, twice: bool
) -> tuple[Iterator[Block], Iterator[Block]]:
    """Give the mix for the model and, folded to the stems' channels, for what they leave.

    Two readers of one stream keep what lies between them in memory, about a segment; a reader
    that never reads would keep the song.
    """
    if not twice:
        return blocks, iter(())
    heard, mixed = itertools.tee(blocks)
    return heard, fold(mixed, info.layout, shape.channels)


def _in_model_shape(blocks: Iterable[Block], info: AudioInfo, engine: Separator) -> Iterator[Block]:
    folded = fold(blocks, info.layout, engine.channels)
    return resample(folded, info.sample_rate, engine.sample_rate)


def _in_output_shape(
    parts: Iterator[NDArray[np.float32]],
    stems: int,
    engine: Separator,
    shape: _Shape,
    frames: int,
) -> Iterator[NDArray[np.float32]]:
    """Resample all the stems at once; yield (stems, channels, frames), `frames` in all."""
    flat = (part.reshape(stems * engine.channels, -1) for part in parts)
    left = frames
    for block in resample(flat, engine.sample_rate, shape.sample_rate):
        part = block[:, :left].reshape(stems, engine.channels, -1)
        left -= part.shape[-1]
        if part.shape[-1]:
            yield _with_channels(part, shape.channels)
    if left:  # resampling there and back may round half a frame away
        yield np.zeros((stems, shape.channels, left), np.float32)


def _with_channels(part: NDArray[np.float32], channels: int) -> NDArray[np.float32]:
    if part.shape[1] == channels:
        return part
    shaped: NDArray[np.float32] = (
        part.mean(axis=1, keepdims=True) if channels == 1 else np.repeat(part, channels, axis=1)
    )
    return shaped


def _with_rest(
    parts: Iterable[NDArray[np.float32]], mix: Iterator[Block]
) -> Iterator[NDArray[np.float32]]:
    """Append what is left of `mix` when the stems are taken away, unless `mix` is empty."""
    waiting = next(mix, None)
    if waiting is None:
        yield from parts
        return
    for part in parts:
        frames = part.shape[-1]
        while waiting.shape[-1] < frames:
            waiting = np.concatenate([waiting, next(mix)], axis=-1)
        rest = waiting[:, :frames] - part.sum(axis=0)
        waiting = waiting[:, frames:]
        yield np.concatenate([part, rest[None]])
