"""Whisper by faster-whisper, which decodes with CTranslate2: the default engine."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from neuralib.engines import openvino_runtime
from neuralib.engines.base import Prepare, Recogniser
from neuralib.engines.device import Devices, Placement, cores
from neuralib.engines.whisper import graph
from neuralib.engines.whisper.convert import FORM, convert
from neuralib.engines.whisper.graph import write_graphs
from neuralib.engines.whisper.recognition import (
    UNDETERMINED,
    check_prompt,
    errors_mapped,
    finite,
    in_order,
    is_speechless,
    language_code,
)
from neuralib.errors import (
    CheckpointError,
    DeviceMissing,
    EngineMissing,
    NeuraLibError,
)
from neuralib.progress import Progress, Report
from neuralib.tasks import Precision, TranscribeTask
from neuralib.transcript.loops import without_loops
from neuralib.transcript.transcript import Segment, Transcript, Word

if TYPE_CHECKING:
    from neuralib.models.files import ModelFiles

_COMPUTE_TYPES: dict[Precision, str] = {"fp32": "float32", "bf16": "bfloat16", "fp16": "float16"}
_LIBRARY = "faster-whisper"


def ctranslate2_devices() -> Devices:
    """Ask CTranslate2, which knows NVIDIA's GPUs alone."""
    try:
        import ctranslate2
    except ImportError:  # the engine says what to install
        return Devices(nvidia=0, apple=False)
    return Devices(nvidia=ctranslate2.get_cuda_device_count(), apple=False)


class FasterWhisper(Recogniser):
    """Transcribes with CTranslate2, from a form of the checkpoint that is made once and kept.

    Decoding that has to be repeated at a higher temperature draws random numbers; they start
    anew for every input, so that the same input gives the same text.
    """

    find_devices = staticmethod(ctranslate2_devices)
    runtime = "ctranslate2"

    def __init__(self, model: ModelFiles, placement: Placement, prepared: Prepare) -> None:
        super().__init__(model, placement)
        self._prepared = prepared
        self._whisper: Any = None

    @staticmethod
    def best_precision(device: str) -> Precision:
        """Say what `auto` means: float16 on GPUs that compute in it, as Whisper's own command."""
        if device == "cpu":
            return openvino_runtime.best_precision(device)
        return "fp16" if "float16" in _compute_types(device) else "fp32"

    def load(self) -> None:
        """Import the libraries, prepare the model if that is due, and read it."""
        if self._whisper is not None:
            return
        try:
            import ctranslate2  # noqa: F401
            import faster_whisper  # noqa: F401
        except ImportError as error:
            raise EngineMissing(
                f"engine faster-whisper cannot be imported ({error}); pip install faster-whisper"
            ) from error
        if self.placement.device == "cpu" and self._openvino_computes(self.placement.precision):
            self._whisper = self._by_openvino()
            self.runtime = openvino_runtime.RUNTIME
        else:
            self._whisper = self._by_ctranslate2()

    def transcribe(
        self, samples: NDArray[np.float32], task: TranscribeTask, report: Report
    ) -> Transcript:
        """Transcribe mono audio; see `Recogniser`.

        Raises:
            UsageError: where the model does not know the language, or the prompt is not words.
            DeviceMissing: where the device runs out of memory.
        """
        self.load()
        language = self.check(task)
        samples = finite(samples)
        if is_speechless(samples, self.sample_rate):
            return Transcript(language or UNDETERMINED, ())
        duration = samples.size / self.sample_rate
        done = 0.0

        def listen(seconds: float) -> None:
            nonlocal done
            done = max(done, min(seconds, duration))
            report(Progress("run", done, duration))

        self._whisper.listen = listen
        with errors_mapped(_LIBRARY, self.placement.device):
            self._whisper.restart()
            segments, information = self._whisper.transcribe(
                samples,
                language=language,
                task=task.task,
                beam_size=task.beam_size,
                temperature=task.temperature,
                initial_prompt=task.initial_prompt,
                word_timestamps=task.needs_words,
                vad_filter=task.vad,
            )
            found = list(in_order(map(_segment, segments), duration))
        report(Progress("run", duration, duration))
        heard = information.duration_after_vad > 0
        spoken = information.language if heard else language or UNDETERMINED
        return Transcript(spoken, without_loops(found))

    def check(self, task: TranscribeTask) -> str | None:
        """Check the options; see `Recogniser`."""
        check_prompt(task.initial_prompt)
        return language_code(task.language, self._languages(), self.model.name)

    @staticmethod
    def _openvino_computes(precision: Precision) -> bool:
        return openvino_runtime.is_here() and openvino_runtime.computes(precision)

    def _converted(self) -> Path:
        checkpoint = self.model.paths[0]
        return self._prepared(self.model, FORM, lambda folder: convert(checkpoint, folder))

    def _by_ctranslate2(self) -> Any:
        """Read CTranslate2's form of the model, which also times words."""
        import ctranslate2

        from neuralib.engines.whisper.ctranslate2 import CTranslate2Whisper
        from neuralib.engines.whisper.lanes import LanesWhisper

        arguments = self._arguments()
        folder = self._converted()
        with errors_mapped(_LIBRARY, self.placement.device, self._unreadable(folder)):
            windows = CTranslate2Whisper(
                lambda: ctranslate2.models.Whisper(str(folder), **arguments), arguments["device"]
            )
        return LanesWhisper(folder, lambda *_: windows, lambda: windows.model)

    def _by_openvino(self) -> Any:
        """Read OpenVINO's form of the model."""
        from neuralib.engines.whisper.lanes import LanesWhisper
        from neuralib.engines.whisper.openvino import OpenVinoWhisper

        checkpoint = self.model.paths[0]
        folder = self._prepared(
            self.model, graph.FORM, lambda folder: write_graphs(checkpoint, folder)
        )
        precision = self.placement.precision
        return LanesWhisper(
            folder,
            lambda words, languages: OpenVinoWhisper(folder, precision, words, languages),
            lru_cache(maxsize=1)(self._aligner),
        )

    def _aligner(self) -> Any:
        """Read CTranslate2's form of the model, which alone times words."""
        import ctranslate2

        folder = str(self._converted())
        with errors_mapped(_LIBRARY, self.placement.device, self._unreadable(Path(folder))):
            return ctranslate2.models.Whisper(folder, compute_type="float32", intra_threads=cores())

    def _arguments(self) -> dict[str, Any]:
        """Tell where and how CTranslate2 shall compute."""
        kind, _, index = self.placement.device.partition(":")
        known = _compute_types(self.placement.device)
        compute_type = _COMPUTE_TYPES[self.placement.precision]
        if compute_type not in known:
            here = [
                name
                for name, type_ in _COMPUTE_TYPES.items()
                if type_ in known or (kind == "cpu" and self._openvino_computes(name))
            ]
            raise DeviceMissing(
                f"faster-whisper on {self.placement.device} has {' and '.join(here)} only, got "
                f"{self.placement.precision}; take --precision auto"
            )
        return {
            "device": kind,
            "device_index": int(index or 0),
            "compute_type": compute_type,
            "intra_threads": cores(),
        }

    def _unreadable(self, folder: Path) -> Callable[[str, str], NeuraLibError]:
        return lambda _, reason: CheckpointError(
            f"the prepared form of model {self.model.name} cannot be read ({reason}); remove "
            f"{folder}, and it will be made again"
        )

    def _languages(self) -> list[str]:
        known = self._whisper.supported_languages
        if len(known) == 1:
            return list(known)
        number = self._whisper.hf_tokenizer.token_to_id
        return [code for code in known if number(f"<|{code}|>") is not None]


def _compute_types(device: str) -> set[str]:
    """Ask CTranslate2 for the arithmetic that it has on a device."""
    import ctranslate2

    kind, _, index = device.partition(":")
    with errors_mapped(_LIBRARY, device):
        found: set[str] = ctranslate2.get_supported_compute_types(kind, int(index or 0))
    return found


def _segment(segment: Any) -> Segment:
    return Segment(
        start=float(segment.start),
        end=float(segment.end),
        text=segment.text,
        words=tuple(
            Word(float(word.start), float(word.end), word.word, float(word.probability))
            for word in segment.words or ()
        ),
        avg_logprob=float(segment.avg_logprob),
        no_speech_prob=float(segment.no_speech_prob),
        compression_ratio=float(segment.compression_ratio),
        temperature=float(segment.temperature),
    )
