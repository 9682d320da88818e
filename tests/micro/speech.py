"""Spoken sentences for the micro checkpoints, synthesised by eSpeak NG.

Only the training scripts and the recorder of the demo song need eSpeak NG; the tests and the demo
read what was recorded with it. The library is called instead of the command because the library
also tells when each word begins.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import functools
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

SAMPLE_RATE = 22050
"""Rate of everything `speak` returns, in Hz; eSpeak NG's own."""

SENTENCES: tuple[str, ...] = (
    "We follow the river under silver light.",
    "Morning comes slowly over the sleeping city.",
    "Open the window and let summer in.",
    "Every summer I remember your garden.",
    "The old piano plays for nobody now.",
    "Carry my letter over the water.",
    "We danced until the paper moon fell.",
    "Your shadow will follow me home again.",
    "Nobody is sleeping under the paper moon.",
    "Morning light will find you home again.",
    "Let the river carry my old piano.",
    "I remember silver water in the garden.",
)
"""What the demo song may say, written for it."""

# From speak_lib.h of eSpeak NG 1.51.
_SYNCHRONOUS_RETRIEVAL = 2
_DONT_EXIT_ON_ERROR = 0x8000
_UTF8 = 1
_RATE, _PITCH = 1, 3
_EVENT_END_OF_LIST, _EVENT_WORD = 0, 1
_POSITION_CHARACTER = 1


@dataclass(frozen=True, eq=False)
class Speech:
    """One spoken text."""

    samples: NDArray[np.float32]
    """Mono, shape `(samples,)`, 22 050 Hz, within -1 and 1."""
    words: tuple[tuple[float, float, str], ...]
    """`(start, end, word)` in spoken order, seconds from the first sample; a word ends where the
    next one begins, the last one where the voice does."""


class _Event(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", ctypes.c_char * 8),
    )


_Callback = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event)
)


@functools.cache
def _espeak() -> ctypes.CDLL:
    name = ctypes.util.find_library("espeak-ng")
    if name is None:
        raise RuntimeError(
            "the library eSpeak NG is not installed; the micro checkpoints are trained with it: "
            "install the package espeak-ng (Debian, Ubuntu: apt-get install espeak-ng)"
        )
    library = ctypes.CDLL(name)
    rate = library.espeak_Initialize(_SYNCHRONOUS_RETRIEVAL, 0, None, _DONT_EXIT_ON_ERROR)
    if rate != SAMPLE_RATE:
        raise RuntimeError(f"eSpeak NG must speak at {SAMPLE_RATE} Hz; it started with {rate}")
    return library


@contextmanager
def _listener(
    library: ctypes.CDLL, blocks: list[NDArray[np.int16]], starts: dict[int, float]
) -> Iterator[None]:
    def heard(samples: Any, count: int, events: Any) -> int:
        if samples and count > 0:
            blocks.append(np.ctypeslib.as_array(samples, shape=(count,)).astype(np.int16))
        index = 0
        while events[index].type != _EVENT_END_OF_LIST:
            if events[index].type == _EVENT_WORD:
                # A word may be told twice; its first time counts.
                begin = events[index].text_position - 1
                starts.setdefault(begin, events[index].audio_position / 1000)
            index += 1
        return 0

    callback = _Callback(heard)
    library.espeak_SetSynthCallback(callback)
    yield
    library.espeak_SetSynthCallback(_Callback(0))


def speak(text: str, *, voice: str = "en-us", speed_wpm: int = 140, pitch: int = 50) -> Speech:
    """Say `text`; the silence before and after the voice is cut off.

    The same calls in the same order give the same samples; eSpeak NG's noise goes on from call to
    call.

    Args:
        text: plain English words.
        voice: an eSpeak NG voice, with a variant if wanted: `en-us`, `en+f2` (`en` is British).
        speed_wpm: words a minute, 80 to 450.
        pitch: 0 to 99.

    Raises:
        RuntimeError: eSpeak NG is not installed.
        ValueError: the voice is unknown, or nothing was said.
    """
    library = _espeak()
    if library.espeak_SetVoiceByName(voice.encode()) != 0:
        raise ValueError(f"eSpeak NG has no voice {voice!r}; `espeak-ng --voices=en` lists them")
    library.espeak_SetParameter(_RATE, speed_wpm, 0)
    library.espeak_SetParameter(_PITCH, pitch, 0)
    blocks: list[NDArray[np.int16]] = []
    starts: dict[int, float] = {}
    encoded = text.encode()
    with _listener(library, blocks, starts):
        library.espeak_Synth(
            encoded, len(encoded) + 1, 0, _POSITION_CHARACTER, 0, _UTF8, None, None
        )
    samples = np.divide(np.concatenate([np.zeros(0), *blocks]), 32768).astype(np.float32)
    first, last = _voiced(samples, text)
    return Speech(samples[first:last], _words(text, starts, first, last))


def _voiced(samples: NDArray[np.float32], text: str) -> tuple[int, int]:
    loud = np.flatnonzero(np.abs(samples) > 0.01)
    if loud.size == 0:
        raise ValueError(f"eSpeak NG said nothing for {text!r}; give it at least one word")
    return int(loud[0]), int(loud[-1]) + 1


def _words(
    text: str, starts: dict[int, float], first: int, last: int
) -> tuple[tuple[float, float, str], ...]:
    words = list(re.finditer(r"[\w']+", text))
    # Two words said as one ("in the") have one time; they share it evenly.
    known = [i for i, word in enumerate(words) if word.start() in starts]
    times = [starts[words[i].start()] - first / SAMPLE_RATE for i in known]
    edges = np.interp(
        range(len(words) + 1),
        [*known, len(words)],
        [*np.maximum(times, 0.0), (last - first) / SAMPLE_RATE],
    )
    return tuple(
        (float(edges[i]), float(edges[i + 1]), word.group()) for i, word in enumerate(words)
    )
