"""Subtitles that can be read: short lines, few at a time, shown long enough."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from neuralib.transcript.lines import FRAME_SECONDS, mended
from neuralib.transcript.tokens import Token, joined, tokens
from neuralib.transcript.transcript import Segment, Transcript
from neuralib.transcript.width import columns

_LONG_PAUSE_SECONDS = 3.0
"""A pause between two words that ends a cue; openai-whisper's `long_pause` (`whisper/utils.py`)."""


@dataclass(frozen=True)
class Limits:
    """What a reader can take in; 0 where there is no limit."""

    line_width: int = 0
    """Columns a line; a wide (Chinese, Japanese, Korean) character takes two."""
    line_count: int = 0
    """Lines a cue."""
    reading_speed: float = 0.0
    """Columns a second."""


@dataclass(frozen=True)
class Cue:
    """What is shown at once; times in seconds."""

    start: float
    end: float
    lines: tuple[str, ...]


def cues(transcript: Transcript, limits: Limits) -> list[Cue]:
    """Cut a transcript into cues, in order and without overlap.

    Lines are broken between words, and are as even as their number allows; a word that is wider
    than a line stays whole. A cue that is too short to be read stays until it has been read, or
    until the next begins: words that are said too fast to be read are not left out.
    """
    found = [cue for segment in mended(transcript) for cue in _cut(segment, limits)]
    if not limits.reading_speed:
        return found
    result = []
    latest = float("inf")
    for cue in reversed(found):
        seconds = sum(map(columns, cue.lines)) / limits.reading_speed
        result.append(replace(cue, end=max(cue.end, min(cue.start + seconds, latest))))
        latest = cue.start
    return result[::-1]


def _cut(segment: Segment, limits: Limits) -> list[Cue]:
    whole = Cue(segment.start, segment.end, (segment.text,))
    if not limits.line_width:
        return [whole]
    groups = _groups(tokens(segment))
    if len(groups) == 1 and columns(segment.text) <= limits.line_width:
        return [whole]
    parts = [
        part for group in groups for part in _shared(_even_lines(group, limits.line_width), limits)
    ]
    times = _times(segment, parts)
    return [
        Cue(start, end, tuple(map(joined, part)))
        for (start, end), part in zip(times, parts, strict=True)
    ]


def _groups(line: Sequence[Token]) -> list[list[Token]]:
    """Separate what a long pause separates."""
    groups = [[line[0]]]
    for before, token in pairwise(line):
        if token.start - before.end > _LONG_PAUSE_SECONDS:
            groups.append([])
        groups[-1].append(token)
    return groups


def _even_lines(group: Sequence[Token], width: int) -> list[list[Token]]:
    """Break into as few lines as fit, none much longer than the others."""
    lines = _lines(group, width)
    narrow = columns(joined(group)) // len(lines)
    while len(even := _lines(group, narrow)) > len(lines):
        narrow += 1
    return even


def _lines(group: Sequence[Token], width: int) -> list[list[Token]]:
    lines: list[list[Token]] = []
    used = 0
    for token in group:
        more = columns(token.text) + token.spaced
        if not lines or used + more > width:
            lines.append([])
            used = -int(token.spaced)
        lines[-1].append(token)
        used += more
    return lines


def _shared(lines: list[list[Token]], limits: Limits) -> list[list[list[Token]]]:
    """Share lines out to as few cues as hold them, evenly."""
    count = -(-len(lines) // (limits.line_count or len(lines)))
    edges = [-(-len(lines) * number // count) for number in range(count + 1)]
    return [lines[first:last] for first, last in pairwise(edges)]


def _times(segment: Segment, parts: list[list[list[Token]]]) -> list[tuple[float, float]]:
    """Give each part the time of its tokens; the first and the last reach to the line's ends."""
    starts = [segment.start, *(part[0][0].start for part in parts[1:])]
    ends = [*(part[-1][-1].end for part in parts[:-1]), segment.end]
    times = list(zip(starts, ends, strict=True))
    if all(end - start >= FRAME_SECONDS for start, end in times):
        return times
    # Whisper gave some words no time at all: every part gets time by its width.
    widths = [sum(columns(joined(line)) for line in part) for part in parts]
    edges = [segment.start]
    for width in widths:
        edges.append(edges[-1] + (segment.end - segment.start) * width / sum(widths))
    edges[-1] = segment.end
    return list(pairwise(edges))
