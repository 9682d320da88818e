"""Run a `SeparateTask`: two passes over the input, one through the model, one file a stem."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from neuralib.audio.ahead import ahead
from neuralib.audio.block import Block
from neuralib.audio.decode import AudioInfo
from neuralib.audio.measure import measure
from neuralib.audio.resample import Resampler, resample
from neuralib.audio.shape import fold
from neuralib.audio.tags import read_tags
from neuralib.engines.base import Normalisation, Separator
from neuralib.errors import DecodeError, UsageError
from neuralib.execute.findings import Level
from neuralib.execute.rest import add_rest, split_mix
from neuralib.execute.sink import Sink
from neuralib.execute.source import Source
from neuralib.execute.stem_files import open_stem_files
from neuralib.execute.stem_format import StemFormat, stem_format
from neuralib.execute.turn import Turn
from neuralib.execute.watch import Watch
from neuralib.progress import Report
from neuralib.tasks import SeparateTask

RESIDUAL = "residual"
"""Name of what is left when all stems are taken away from the mix."""


@dataclass(frozen=True)
class Separated:
    """How a separation went."""

    audio_seconds: float
    """Length of the input."""
    gain_db: float
    """Gain that all stems were written with so that none clips; 0: none."""


def run_separate(
    task: SeparateTask, source: Source, sink: Sink, report: Report, engine: Separator, turn: Turn
) -> Separated:
    """Write the stems of `source`.

    The first pass measures the level by which Demucs wants the whole track normalised, unless
    that is known; the second feeds the model. The stems come out in the input's sample rate,
    length and channel count (more than two channels are folded to stereo).

    Raises:
        DecodeError: where the second pass finds less than the first, or as `decode` does.
        OutputError: where a stem clips, and the task says that none may.
    """
    stems = wanted_stems(task, engine.sources)
    info = source.probe()
    shape = stem_format(task, info)
    names = artifact_names(task, engine.sources)
    tags = read_tags(source.path)
    with open_stem_files(sink, names, shape, task.clip, tags) as files:
        level = source.level(
            engine.sample_rate, engine.channels, lambda: _measure(source, info, report, engine)
        )
        frames = level.frames
        sink.check_room(files.needed_bytes(frames / info.sample_rate), "the stems")
        blocks = _whole(source.decode(warn=False), frames, source)
        with_rest = len(names) > len(stems)
        heard, mix = split_mix(blocks, info, shape, twice=with_rest)
        # Where writing fails, what the model still computes must end within the turn.
        with (
            turn.taken(),
            closing(
                engine.separate(
                    _in_model_shape(heard, info, engine),
                    Normalisation(level.mean, level.std),
                    stems,
                    overlap=task.overlap,
                    shifts=task.shifts,
                    seed=task.seed,
                )
            ) as parts,
        ):
            length = Resampler.length(frames, info.sample_rate, shape.sample_rate)
            seconds = length / shape.sample_rate
            later = partial(files.later_seconds, seconds)
            watch = Watch(report, "run", shape.sample_rate, seconds, later)
            outputs = watch(_in_output_shape(parts, len(stems), engine, shape, length))
            for block in add_rest(outputs, mix) if with_rest else outputs:
                files.write(block)
        return Separated(frames / info.sample_rate, files.finish(report))


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
    rest = (f"no_{task.two_stems}",) if task.two_stems else (RESIDUAL,) if task.residual else ()
    return tuple(f"{stem}.{task.format}" for stem in stems + rest)


def _measure(source: Source, info: AudioInfo, report: Report, engine: Separator) -> Level:
    watch = Watch(report, "measure", info.sample_rate, info.seconds)
    measured = measure(_in_model_shape(watch(ahead(source.decode())), info, engine))
    return Level(watch.frames, measured.mean, measured.std)


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


def _in_model_shape(blocks: Iterable[Block], info: AudioInfo, engine: Separator) -> Iterator[Block]:
    folded = fold(blocks, info.layout, engine.channels)
    return resample(folded, info.sample_rate, engine.sample_rate)


def _in_output_shape(
    parts: Iterator[NDArray[np.float32]],
    stems: int,
    engine: Separator,
    shape: StemFormat,
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
