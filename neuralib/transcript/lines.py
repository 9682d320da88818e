"""From a transcript to lines that can be shown one after the other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from neuralib.transcript.transcript import Segment, Transcript, Word

FRAME_SECONDS = 0.02
"""Whisper's own step: what is shorter has no length."""
_LEAST_SECONDS = 5 / 6
"""How long a line without a length is shown: the least that Netflix's timed text guide allows."""


def said(transcript: Transcript) -> Iterator[tuple[Segment, str]]:
    """Yield each segment that has text, and its text on one line."""
    for segment in transcript.segments:
        if text := " ".join(segment.text.strip().splitlines()):
            yield segment, text


def mended(transcript: Transcript) -> list[Segment]:
    """Give what is said in order: each line has a length, and none begins before the last ends.

    Lines that begin within one frame of each other become one; a line without a length gets
    what is free up to the next, 5/6 s at most; one that reaches into the next ends where that
    begins.
    """
    apart = _apart(replace(segment, text=text) for segment, text in said(transcript))
    result = []
    latest = float("inf")
    for segment in reversed(apart):
        end = segment.end
        if end - segment.start < FRAME_SECONDS:
            end = segment.start + _LEAST_SECONDS
        result.append(replace(segment, end=min(end, latest)))
        latest = segment.start
    return result[::-1]


def spans(segment: Segment) -> tuple[Word, ...]:
    """Give the timed parts of a line: its words in order within it, else the line as one.

    Words that are not the line's are left out: their times would be of something else.
    """
    text = "".join(word.text for word in segment.words)
    if not segment.words or text.split() != segment.text.split():
        return (Word(segment.start, segment.end, segment.text, 1.0),)
    result, time = [], segment.start
    for word in segment.words:
        start = min(max(word.start, time), segment.end)
        time = min(max(word.end, start), segment.end)
        result.append(replace(word, start=start, end=time, text=" ".join(word.text.split("\n"))))
    return tuple(result)


def _apart(segments: Iterable[Segment]) -> list[Segment]:
    result: list[Segment] = []
    for segment in sorted(segments, key=lambda segment: segment.start):
        later = replace(segment, start=max(segment.start, 0.0))
        if result and later.start - result[-1].start < FRAME_SECONDS:
            later = _joined(result.pop(), later)
        result.append(later)
    return result


def _joined(first: Segment, second: Segment) -> Segment:
    words: tuple[Word, ...] = ()
    if first.words and second.words:
        head, *rest = second.words
        words = (*first.words, replace(head, text=f" {head.text.lstrip()}"), *rest)
    text = f"{first.text} {second.text}"
    return replace(first, end=max(first.end, second.end), text=text, words=words)
