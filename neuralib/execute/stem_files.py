"""Writing the stems of one track, all at one level."""

from __future__ import annotations

import logging
import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from pathlib import Path
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from neuralib.audio.ahead import ahead
from neuralib.audio.draft import Draft
from neuralib.audio.encode import check_encoder, open_writer
from neuralib.audio.tag_file import write_tags
from neuralib.audio.tags import Tags
from neuralib.audio.writer import Writer
from neuralib.engines.device import cores
from neuralib.errors import OutputError
from neuralib.execute.pace import Pace
from neuralib.execute.sink import Sink
from neuralib.execute.stem_format import StemFormat
from neuralib.execute.watch import Watch
from neuralib.progress import Report
from neuralib.tasks import Clip

_LOG = logging.getLogger(__name__)

_CEILING = 1 - 2**-15
"""The greatest 16-bit sample; where a gain is needed, the loudest peak is brought below it."""


def common_gain_db(peak: float) -> float:
    """Give the gain in dB, 0 or less, at which a track of this `peak` fits full scale.

    It is rounded down to hundredths, so that what is told is exactly what was done.
    """
    return 0.0 if peak <= 1 else math.floor(2000 * math.log10(_CEILING / peak)) / 100


@dataclass(frozen=True)
class _File:
    name: str
    path: Path
    shape: StemFormat
    tags: Tags

    def open(self, path: Path | None = None) -> Writer:
        return open_writer(
            path or self.path,
            label=self.name,
            format=self.shape.format,
            sample_rate=self.shape.sample_rate,
            channels=self.shape.channels,
            bit_depth=self.shape.bit_depth,
        )

    def tag(self) -> None:
        title = f"{self.tags.title} ({Path(self.name).stem})" if self.tags.title else None
        write_tags(self.path, self.shape.format, replace(self.tags, title=title), self.name)


class StemFiles(ABC):
    """The files of all stems of a track, as a context that leaves none of them open."""

    def __init__(self, files: Sequence[_File]) -> None:
        self._files = files
        self._shape = files[0].shape
        self._open = ExitStack()

    @abstractmethod
    def write(self, part: NDArray[np.float32]) -> None:
        """Append to all stems.

        Args:
            part: (stems, channels, frames), any level.

        Raises:
            OutputError: where the disk is full, or a peak is not allowed.
            InternalError: for samples that are not finite.
        """

    @abstractmethod
    def needed_bytes(self, seconds: float) -> float:
        """Estimate the room on the disk that stems of this length take at most, at one time."""

    def later_seconds(self, seconds: float) -> float:
        """Estimate how long `finish`, and the sink after it, take for a track of this length."""
        return 0.0

    @abstractmethod
    def finish(self, report: Report) -> float:
        """Complete the files; give the gain that all of them were written with, in dB.

        Raises:
            OutputError: where the disk is full.
        """

    def __enter__(self) -> StemFiles:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._open.__exit__(kind, error, trace)


def open_stem_files(
    sink: Sink, names: Sequence[str], shape: StemFormat, clip: Clip, tags: Tags
) -> StemFiles:
    """Begin the files `names` in `sink`; what is in their way is told at once.

    32-bit float is written as it comes, whatever `clip` says. The stem's name is added to the
    title of the mix.

    Raises:
        EncoderMissing: where the installed libraries cannot write them.
        OutputError: where a file cannot be made.
    """
    check_encoder(shape.format, shape.bit_depth)
    files = [_File(name, sink.create("stem", name), shape, tags) for name in names]
    if shape.is_float:
        return _AsTheyCome(files)
    if clip == "rescale":
        return _AtTheEnd(files, sink)
    return _Clamped(files) if clip == "clamp" else _Refusing(files)


class _AsTheyCome(StemFiles):
    """Encodes at once."""

    def __init__(self, files: Sequence[_File]) -> None:
        super().__init__(files)
        with ExitStack() as stack:
            self._writers = [stack.enter_context(file.open()) for file in files]
            self._open = stack.pop_all()

    def write(self, part: NDArray[np.float32]) -> None:
        for writer, stem in zip(self._writers, part, strict=True):
            writer.write(stem)

    def needed_bytes(self, seconds: float) -> float:
        return len(self._files) * self._shape.least_bytes(seconds)

    def finish(self, report: Report) -> float:
        self._open.close()
        for file in self._files:
            file.tag()
        return 0.0


class _Clamped(_AsTheyCome):
    """Cuts off what is louder than full scale."""

    def __init__(self, files: Sequence[_File]) -> None:
        super().__init__(files)
        self._cut = np.zeros(len(files), np.int64)

    def write(self, part: NDArray[np.float32]) -> None:
        self._cut += np.count_nonzero(np.abs(part) > 1, axis=(1, 2))
        super().write(np.clip(part, -1.0, 1.0))

    def finish(self, report: Report) -> float:
        for file, cut in zip(self._files, self._cut, strict=True):
            if cut:
                _LOG.warning(
                    "%r: %d samples are louder than full scale and were cut off; "
                    "take --clip rescale, or --format wav --bit-depth 32, to keep them",
                    *(file.name, int(cut)),
                    extra={"action": "output.clipped"},
                )
        return super().finish(report)


class _Refusing(_AsTheyCome):
    """Ends the run at the first peak above full scale."""

    def __init__(self, files: Sequence[_File]) -> None:
        super().__init__(files)
        self._frames = 0

    def write(self, part: NDArray[np.float32]) -> None:
        over = np.abs(part) > 1
        if over.any():
            stem, _, frame = np.argwhere(over)[0]
            second = (self._frames + int(frame)) / self._shape.sample_rate
            raise OutputError(
                f"{self._files[stem].name!r} is louder than full scale at {second:.3f} s; take "
                "--clip rescale or clamp, or --format wav --bit-depth 32"
            )
        self._frames += part.shape[-1]
        super().write(part)


class _AtTheEnd(StemFiles):
    """Keeps the stems as floats until the loudest peak is known, then encodes them together."""

    def __init__(self, files: Sequence[_File], sink: Sink) -> None:
        super().__init__(files)
        self._frames = 0
        self._pace = Pace(self._shape.sample_rate, files[0].open)
        with ExitStack() as stack:
            self._drafts = [
                Draft(stack.enter_context(sink.scratch()), file.shape.channels, file.name)
                for file in files
            ]
            self._open = stack.pop_all()

    def write(self, part: NDArray[np.float32]) -> None:
        for draft, stem in zip(self._drafts, part, strict=True):
            draft.write(stem)
        self._frames += part.shape[-1]
        self._pace.hear(part)

    def later_seconds(self, seconds: float) -> float:
        audio = len(self._files) * seconds
        is_copied = self._shape.format == "wav"  # which is as little work as to read it
        together = 1 if is_copied else min(len(self._files), cores())
        return self._pace.encoding_seconds(audio, together) + self._pace.hashing_seconds(audio)

    def needed_bytes(self, seconds: float) -> float:
        samples = seconds * self._shape.sample_rate * self._shape.channels
        return len(self._files) * (samples * 4 + self._shape.least_bytes(seconds))

    def finish(self, report: Report) -> float:
        gain_db = common_gain_db(max(draft.peak for draft in self._drafts))
        rate = self._shape.sample_rate
        seconds = len(self._files) * self._frames / rate
        hashing = partial(self._pace.hashing_seconds, seconds)
        self._encode(10 ** (gain_db / 20), Watch(report, "write", rate, seconds, hashing))
        self._open.close()
        for file in self._files:
            file.tag()
        if gain_db:
            _LOG.warning(
                "the stems are written %.2f dB quieter, all alike, since one of them is louder "
                "than full scale; --format wav --bit-depth 32 keeps the level",
                -gain_db,
                extra={"action": "output.rescaled"},
            )
        return gain_db

    def _encode(self, gain: float, watch: Watch) -> None:
        with ExitStack() as stack:
            writers = [stack.enter_context(file.open()) for file in self._files]
            stems = [
                stack.enter_context(closing(ahead(draft.encode(writer, gain))))
                for writer, draft in zip(writers, self._drafts, strict=True)
            ]
            for _ in watch(chain.from_iterable(zip(*stems, strict=True))):
                pass
