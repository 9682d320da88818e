"""What both Whisper engines do before and after the model."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from neuralib.engines.per_array import per_array
from neuralib.engines.whisper.steady import is_steady
from neuralib.errors import DeviceMissing, InternalError, NeuraLibError, UsageError
from neuralib.transcript.transcript import Segment, Word

SILENCE = 1e-4
"""Peak below which audio holds no speech: -80 dBFS. Whisper makes up words for silence."""
SHORTEST_SECONDS = 0.1
"""Audio below this length holds no speech."""
UNDETERMINED = "und"
"""Language where nothing was said and none was asked for (ISO 639-2)."""


def finite(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the samples, with zeros for those that are not numbers; copied only if there are."""
    if samples.size and not (math.isfinite(samples.min()) and math.isfinite(samples.max())):
        return np.nan_to_num(samples, nan=0.0, posinf=0.0, neginf=0.0)
    return samples


@per_array
def is_speechless(samples: NDArray[np.float32], sample_rate: int) -> bool:
    """Tell whether mono audio is too short, too quiet or too steady to hold speech."""
    if samples.size < SHORTEST_SECONDS * sample_rate:
        return True
    return bool(max(-samples.min(), samples.max()) < SILENCE) or is_steady(samples)


def language_code(wish: str | None, codes: Collection[str], model: str) -> str | None:
    """Turn a wish (`de`, `German`) into the code of a language that the model knows.

    Args:
        wish: None lets the model find out.
        codes: of the languages that the model knows.
        model: its name, for the message.

    Returns:
        The code; None where the model shall find out.

    Raises:
        UsageError: where the model does not know the language.
    """
    if wish is None:
        return None if len(codes) > 1 else next(iter(codes))
    name = wish.strip().lower()
    if name in codes:
        return name
    from whisper.tokenizer import TO_LANGUAGE_CODE  # imports torch

    code: str | None = TO_LANGUAGE_CODE.get(name)
    if code in codes:
        return code
    if len(codes) == 1:
        raise UsageError(
            f"language {wish!r}: model {model} knows English only; leave the language out, or "
            "take a multilingual model"
        )
    raise UsageError(
        f"language {wish!r} is not one of the {len(codes)} that model {model} knows; give a code "
        "(en, de, es, fr, ja, zh) or an English name (german), or leave it out to detect it"
    )


def check_prompt(prompt: str | None) -> None:
    """Check that a prompt is words alone.

    Raises:
        UsageError: where it holds one of Whisper's control tokens.
    """
    if prompt is not None and "<|" in prompt and "|>" in prompt:
        raise UsageError(
            f"initial prompt {prompt[:40]!r} holds a control token <|...|>; give words alone"
        )


def in_order(segments: Iterable[Segment], duration_seconds: float) -> Iterable[Segment]:
    """Move times into 0 to `duration_seconds` and into order, by as little as that takes.

    Whisper guesses times, and may guess beyond the end or before the segment before.
    """
    time = 0.0
    for segment in segments:
        start = _within(segment.start, time, duration_seconds)
        end = _within(segment.end, start, duration_seconds)
        time = end
        yield replace(segment, start=start, end=end, words=_words(segment.words, start, end))


def _words(words: tuple[Word, ...], time: float, latest: float) -> tuple[Word, ...]:
    moved = []
    for word in words:
        start = _within(word.start, time, latest)
        time = _within(word.end, start, latest)
        moved.append(replace(word, start=start, end=time))
    return tuple(moved)


def _within(value: float, low: float, high: float) -> float:
    return min(max(value, low), high) if math.isfinite(value) else low


def _fault(library: str, reason: str) -> NeuraLibError:
    return InternalError(f"{library} failed: {reason}; please report it")


@contextmanager
def errors_mapped(
    library: str, device: str, otherwise: Callable[[str, str], NeuraLibError] = _fault
) -> Iterator[None]:
    """Turn what `library` raises while it computes into errors of NeuraLib.

    Raises:
        DeviceMissing: where memory, or a library of the device, is missing.
        NeuraLibError: else what `otherwise` makes of the library's name and its message.
    """
    try:
        yield
    except (RuntimeError, ValueError, MemoryError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        if isinstance(error, MemoryError) or re.search("out of memory|allocate memory", reason):
            raise DeviceMissing(
                f"device {device} has too little memory for this model; take a smaller model or "
                "another device (--device cpu)"
            ) from error
        if re.search("cuda|cublas|cudnn", reason, re.IGNORECASE):
            raise DeviceMissing(
                f"{library} cannot use device {device} ({reason}); install what it names, or take "
                "--device cpu"
            ) from error
        raise otherwise(library, reason) from error
