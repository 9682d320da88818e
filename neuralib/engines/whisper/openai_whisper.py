"""Whisper by openai-whisper itself: the reference engine."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuralib.engines.base import Recogniser
from neuralib.engines.device import Devices, torch_devices
from neuralib.engines.whisper.checkpoint import official_alignment_heads, read_checkpoint
from neuralib.engines.whisper.quiet import whisper_quiet
from neuralib.engines.whisper.recognition import (
    UNDETERMINED,
    check_prompt,
    errors_mapped,
    finite,
    is_speechless,
    language_code,
)
from neuralib.errors import DeviceMissing, EngineMissing
from neuralib.progress import Progress, Report
from neuralib.tasks import TranscribeTask
from neuralib.transcript.transcript import Segment, Transcript, Word

_CANDIDATES = 5
"""Samples to choose from above temperature 0; default of openai-whisper's command."""
_LIBRARY = "openai-whisper"
_SEED = 0


def whisper_devices() -> Devices:
    """Ask torch for NVIDIA's GPUs, the only ones that openai-whisper is made for."""
    return replace(torch_devices(), apple=False)


class OpenAIWhisper(Recogniser):
    """Transcribes with openai-whisper's own `transcribe`, and gives its text and segments.

    Only silence and steady noise are kept from it, for which it makes up words.
    """

    find_devices = staticmethod(whisper_devices)

    _whisper: Any = None

    def load(self) -> None:
        """Import openai-whisper and read the checkpoint."""
        if self._whisper is not None:
            return
        self._check_precision()
        try:
            from whisper.model import ModelDimensions, Whisper
        except ImportError as error:
            raise EngineMissing(
                f"engine openai-whisper cannot be imported ({error}); pip install openai-whisper"
            ) from error
        path = self.model.paths[0]
        checkpoint = read_checkpoint(path)
        whisper = Whisper(ModelDimensions(**asdict(checkpoint.dims)))
        whisper.load_state_dict(checkpoint.weights)
        if (heads := official_alignment_heads(path)) is not None:
            whisper.set_alignment_heads(heads)
        with errors_mapped(_LIBRARY, self.placement.device):
            self._whisper = whisper.to(self.placement.device).eval()

    def transcribe(
        self, samples: NDArray[np.float32], task: TranscribeTask, report: Report
    ) -> Transcript:
        """Transcribe mono audio; see `Recogniser`.

        Raises:
            UsageError: where the model does not know the language, or the prompt is not words.
            DeviceMissing: where the device runs out of memory.
        """
        import torch

        self.load()
        language = self.check(task)
        samples = finite(samples)
        if is_speechless(samples, self.sample_rate):
            return Transcript(language or UNDETERMINED, ())
        duration = samples.size / self.sample_rate
        devices = [self._whisper.device] if self._whisper.device.type == "cuda" else []
        with _progress_told(report), whisper_quiet(), torch.random.fork_rng(devices):
            torch.manual_seed(_SEED)
            with errors_mapped(_LIBRARY, self.placement.device):
                result = self._run(samples, task, language)
        report(Progress("run", duration, duration))
        return Transcript(
            result["language"], tuple(map(_segment, result["segments"])), result["text"]
        )

    def check(self, task: TranscribeTask) -> str | None:
        """Check the options; see `Recogniser`."""
        check_prompt(task.initial_prompt)
        return language_code(task.language, self._languages(), self.model.name)

    def _run(
        self, samples: NDArray[np.float32], task: TranscribeTask, language: str | None
    ) -> dict[str, Any]:
        result: dict[str, Any] = self._whisper.transcribe(
            samples,
            language=language,
            task=task.task,
            # A beam of one is greedy decoding, which openai-whisper has on its own.
            beam_size=task.beam_size if task.beam_size > 1 else None,
            best_of=_CANDIDATES,
            temperature=task.temperature,
            initial_prompt=task.initial_prompt,
            word_timestamps=task.needs_words,
            fp16=self.placement.precision == "fp16",
        )
        return result

    def _check_precision(self) -> None:
        device, precision = self.placement.device, self.placement.precision
        if precision == "bf16" or (precision == "fp16" and device == "cpu"):
            here = "fp32" if device == "cpu" else "fp32 and fp16"
            raise DeviceMissing(
                f"openai-whisper on {device} has {here} only, got {precision}; take --precision "
                "auto"
            )

    def _languages(self) -> list[str]:
        from whisper.tokenizer import LANGUAGES

        count = self._whisper.num_languages if self._whisper.is_multilingual else 1
        return list(LANGUAGES)[:count]  # English comes first


def _segment(segment: dict[str, Any]) -> Segment:
    return Segment(
        start=float(segment["start"]),
        end=float(segment["end"]),
        text=segment["text"],
        words=tuple(
            Word(float(word["start"]), float(word["end"]), word["word"], float(word["probability"]))
            for word in segment.get("words", ())
        ),
        avg_logprob=float(segment["avg_logprob"]),
        no_speech_prob=float(segment["no_speech_prob"]),
        compression_ratio=float(segment["compression_ratio"]),
        temperature=float(segment["temperature"]),
    )


@contextmanager
def _progress_told(report: Report) -> Iterator[None]:
    """Stand in for the progress bar that openai-whisper moves after every window."""
    module: Any = sys.modules["whisper.transcribe"]  # whisper.transcribe itself is the function

    class Bar:
        def __init__(self, total: int, **_: Any) -> None:
            self.done, self.total = 0, total

        def __enter__(self) -> Bar:
            return self

        def __exit__(self, *_: object) -> None:
            pass

        def update(self, frames: int) -> None:
            self.done += frames
            second = module.FRAMES_PER_SECOND
            report(Progress("run", self.done / second, self.total / second))

    own, module.tqdm = module.tqdm, SimpleNamespace(tqdm=Bar)
    try:
        yield
    finally:
        module.tqdm = own
