"""Cutting the loops that Whisper falls into, and leaving the choruses that people sing."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import accumulate, groupby

from neuralib.transcript.tokens import Token, joined, tokens
from neuralib.transcript.transcript import Segment, Word
from neuralib.transcript.width import columns

_REPEATS = 4
_LONGEST_PHRASE = 32
"""Words; a loop of more would not fit four times into Whisper's window of 224 tokens."""
_COMPRESSION_RATIO = 2.4
_NO_SPEECH = 0.6
"""Above these Whisper itself doubts its text (`whisper/transcribe.py`)."""
_TOKENS_A_SECOND = 7.0
"""Nobody repeats syllables faster: the diadochokinetic rate of adults is 6 to 7 a second."""
_COLUMNS_A_SECOND = 25.0
"""The fastest rap has about ten syllables a second, of two and a half letters each."""


def without_loops(segments: Sequence[Segment]) -> tuple[Segment, ...]:
    """Cut the repeats of a phrase that nobody can have said; the first time stays.

    A phrase that follows itself at least four times, so often that the text compresses better
    than Whisper finds right, is cut where it is said faster than people can speak, or where
    Whisper heard no speech. Songs repeat themselves as often, but not so fast: what could be a
    chorus stays.
    """
    lines = [tokens(segment) if segment.text.strip() else [] for segment in segments]
    owners = [number for number, line in enumerate(lines) for _ in line]
    every = [token for line in lines for token in line]
    cut: set[int] = set()
    for first, last, period in _runs([_key(token) for token in every]):
        if _compresses(every[first:last]):
            for number, places in groupby(range(first, last), owners.__getitem__):
                part = list(places)
                if segments[number].no_speech_prob > _NO_SPEECH or _too_fast(
                    every[part[0] : part[-1] + 1]
                ):
                    cut.update(place for place in part if place >= first + period)
    ends = list(accumulate(map(len, lines)))
    starts = [end - len(line) for end, line in zip(ends, lines, strict=True)]
    return tuple(
        left
        for segment, line, start in zip(segments, lines, starts, strict=True)
        if (left := _left(segment, line, [start + i not in cut for i in range(len(line))]))
    )


def _runs(keys: Sequence[str]) -> Iterator[tuple[int, int, int]]:
    """Find all stretches that repeat themselves: first place, end, length of the phrase."""
    for period in range(1, min(_LONGEST_PHRASE, len(keys) // _REPEATS) + 1):
        again = [keys[place] == keys[place - period] for place in range(period, len(keys))]
        place = 0
        for is_again, group in groupby(again):
            count = len(list(group))
            if is_again and count >= (_REPEATS - 1) * period:
                yield place, place + count + period, period
            place += count


def _key(token: Token) -> str:
    return "".join(filter(str.isalnum, token.text)).casefold() or token.text


def _compresses(run: Sequence[Token]) -> bool:
    text = joined(run).encode("utf-8", "replace")
    return len(text) > _COMPRESSION_RATIO * len(zlib.compress(text))


def _too_fast(part: Sequence[Token]) -> bool:
    seconds = part[-1].end - part[0].start
    width = columns(joined(part))
    return len(part) > _TOKENS_A_SECOND * seconds or width > _COLUMNS_A_SECOND * seconds


def _left(segment: Segment, line: Sequence[Token], kept: Sequence[bool]) -> Segment | None:
    if all(kept):
        return segment
    rest = [token for token, keep in zip(line, kept, strict=True) if keep]
    if not rest:
        return None
    return replace(
        segment,
        start=segment.start if kept[0] else rest[0].start,
        end=segment.end if kept[-1] else rest[-1].end,
        text=f" {joined(rest)}",
        words=_words_left(segment.words, line, kept),
    )


def _words_left(
    words: tuple[Word, ...], line: Sequence[Token], kept: Sequence[bool]
) -> tuple[Word, ...]:
    """Give the words of which a token is left; a word can be several tokens, and the reverse."""
    letters = [
        keep
        for token, keep in zip(line, kept, strict=True)
        for letter in token.text
        if not letter.isspace()
    ]
    result, place = [], 0
    for word in words:
        count = len("".join(word.text.split()))
        if any(letters[place : place + count]):
            result.append(word)
        place += count
    return tuple(result)
