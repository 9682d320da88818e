"""Windows as Whisper is taught them: tokens, what follows each, and where it is heard."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from whisper.tokenizer import get_tokenizer

from tests.micro.listening import WORDS, Sentence, Window

N_VOCAB = 51865
"""Tokens of the multilingual checkpoints."""
LATEST_FIRST_START = 1.0
"""Seconds: Whisper's decoding never lets a window's first segment start later."""

TOKENIZER = get_tokenizer(True, num_languages=99, language="en", task="transcribe")
_SPACE, _STOP = TOKENIZER.encode(" ")[0], TOKENIZER.encode(".")[0]
_ENGLISH = TOKENIZER.to_language_token("en")
BLANKS = {"space": _SPACE, "language": _ENGLISH}
"""What may stand in a segment without words: Whisper's decoding asks for something between two
timestamps. Word timing takes a space for a word; a language token it passes over."""
_STEPS_PER_SECOND = 50

Span = tuple[float, float]
_NOWHERE: Span = (-1.0, -1.0)


def _used() -> tuple[int, ...]:
    spelled = [f" {form}" for word in WORDS for form in (word, word.capitalize())]
    pieces = {token for text in spelled for token in TOKENIZER.encode(text)}
    special = {TOKENIZER.sot, TOKENIZER.eot, TOKENIZER.sot_prev, TOKENIZER.no_speech, _ENGLISH}
    special |= {TOKENIZER.transcribe, TOKENIZER.translate, TOKENIZER.no_timestamps}
    return tuple(sorted(pieces | special | {_SPACE, _STOP}))


USED = _used()
"""Ids of the tokens that are not timestamps and ever occur."""
N_TIMES = 1501
"""Timestamps, 0.00 to 30.00 s."""
N_ROWS = len(USED) + N_TIMES + 1
"""Rows of the small vocabulary: used tokens, timestamps, one for all others."""
OTHER = N_ROWS - 1
"""Row of every unused token."""
_ROW = {token: row for row, token in enumerate(USED)}


def row(token: int) -> int:
    """Row of the small vocabulary for an official token id."""
    if token >= TOKENIZER.timestamp_begin:
        return len(USED) + token - int(TOKENIZER.timestamp_begin)
    return _ROW.get(token, OTHER)


def time_row(seconds: float) -> int:
    """Row of a timestamp, rounded to Whisper's 0.02 s."""
    return len(USED) + int(np.clip(round(seconds * _STEPS_PER_SECOND), 0, N_TIMES - 1))


@dataclass(frozen=True)
class Step:
    """One token and what should come out after everything before it."""

    row: int
    """Row of the token."""
    heard: Span = _NOWHERE
    """Where the token is heard, seconds."""
    blur: float = 0.0
    """Standard deviation of the target around a timestamp, in steps of 0.02 s; -1: any first
    timestamp is as good."""


@dataclass(frozen=True, eq=False)
class Lesson:
    """A window and everything the model should say about it."""

    mel: NDArray[np.float32]
    """Shape `(80, 100 * seconds)`."""
    steps: tuple[Step, ...]
    """From `<|startofprev|>` or `<|startoftranscript|>` to `<|endoftext|>`."""
    begin: int
    """Index of `<|startoftranscript|>`."""
    speech: bool
    """Whether anything is said."""
    spoken: NDArray[np.int64]
    """Word at each encoder position, 0 for none, shape `(50 * seconds,)`."""
    spoken_before: NDArray[np.int64]
    """The word before it, likewise."""


def lesson(
    window: Window,
    rng: np.random.Generator,
    prompt: Sequence[int] = (),
    blank: str = "language",
) -> Lesson:
    """Write down what is said in a window.

    Args:
        window: what is heard.
        rng: decides the task and whether there are timestamps.
        prompt: rows of earlier text.
        blank: which of `BLANKS` is used.
    """
    head = [Step(row(TOKENIZER.sot_prev)), *map(Step, prompt)] if prompt else []
    translated, foreign = rng.random(2) < 0.05
    begun = [Step(row(TOKENIZER.sot)), Step(OTHER if foreign else row(_ENGLISH))]
    begun.append(Step(row(TOKENIZER.translate if translated else TOKENIZER.transcribe)))
    if rng.random() < 0.3:
        begun.append(Step(row(TOKENIZER.no_timestamps)))
        said = [step for sentence in _complete(window) for step in _words(sentence)]
    else:
        said = _timed(window, rng, BLANKS[blank])
    after = _end_of(said, window)
    steps = (*head, *begun, *said, Step(row(TOKENIZER.eot), after))
    spoken, before = _frames(window)
    return Lesson(window.mel, steps, len(head), bool(window.sentences), spoken, before)


def _complete(window: Window) -> list[Sentence]:
    return [sentence for sentence in window.sentences if sentence.end <= window.seconds]


def _words(sentence: Sentence) -> list[Step]:
    steps = []
    for start, end, word in sentence.words:
        plain = word.rstrip(".")
        steps += [Step(row(token), (start, end)) for token in TOKENIZER.encode(f" {plain}")]
    return [*steps, Step(row(_STOP), (sentence.end - 0.08, sentence.end + 0.04))]


def _mark(seconds: float, heard: Span, blur: float = 1.0) -> Step:
    return Step(time_row(seconds), heard, blur)


def _onset(sentence: Sentence) -> Span:
    return sentence.start - 0.04, sentence.start + 0.12


def _timed(window: Window, rng: np.random.Generator, blank: int) -> list[Step]:
    """Segments between timestamps.

    A first sentence that starts too late for Whisper's decoding is left to the next window: a
    blank segment ends a little before it, and so Whisper goes on from there.
    """
    if not window.sentences:
        return [Step(time_row(rng.uniform(0, LATEST_FIRST_START)), blur=-1.0)]
    first = window.sentences[0]
    if first.start > LATEST_FIRST_START or first.end > window.seconds:
        ahead = max(0.1, first.start - 0.3)
        heard = (ahead, first.start + 0.12)
        begun = [_mark(0, (0, 0.1), 0), Step(row(blank), heard)]
        return [*begun, _mark(ahead, heard, 2), _mark(ahead, heard, 0)]
    steps = []
    for sentence in window.sentences:
        steps.append(_mark(sentence.start, _onset(sentence)))
        if sentence.end > window.seconds:
            break
        steps += _words(sentence)
        steps.append(_mark(sentence.end, (sentence.end - 0.12, sentence.end + 0.04)))
    return steps


def _end_of(said: list[Step], window: Window) -> Span:
    if not said or not _complete(window):
        return _NOWHERE
    end = said[-1].heard[1]
    return end, end + 0.3


def _frames(window: Window) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    spoken = np.zeros(round(window.seconds * _STEPS_PER_SECOND), np.int64)
    before = np.zeros_like(spoken)
    for sentence in window.sentences:
        last = 0
        for start, end, word in sentence.words:
            number = WORDS.index(word.strip(".").lower()) + 1
            place = slice(max(0, round(start * _STEPS_PER_SECOND)), round(end * _STEPS_PER_SECOND))
            spoken[place], before[place] = number, last
            last = number
    return spoken, before


def target(step: Step) -> NDArray[np.float32]:
    """Wanted distribution over the rows, shape `(N_ROWS,)`."""
    wanted = np.zeros(N_ROWS, np.float32)
    times = wanted[len(USED) : len(USED) + N_TIMES]
    if step.blur < 0:
        times[: round(LATEST_FIRST_START * _STEPS_PER_SECOND) + 1] = 1.0
    elif step.blur > 0:
        far = (np.arange(N_TIMES) - (step.row - len(USED))) / step.blur
        times[:] = np.exp(-0.5 * far**2)
    else:
        wanted[step.row] = 1.0
    wanted /= wanted.sum()
    return wanted


def first_target(speech: bool) -> NDArray[np.float32]:
    """Wanted after `<|startoftranscript|>`: English, or no speech that would be English."""
    wanted = np.zeros(N_ROWS, np.float32)
    wanted[row(_ENGLISH)] = 1.0 if speech else 0.1
    wanted[row(TOKENIZER.no_speech)] = 0.0 if speech else 0.9
    return wanted
