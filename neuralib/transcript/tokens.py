"""What a line may be broken into, and when each part is said."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from neuralib.transcript.lines import spans
from neuralib.transcript.transcript import Segment
from neuralib.transcript.width import columns, may_break


@dataclass(frozen=True)
class Token:
    """Text that stays on one line: a word, or a letter of a script without spaces."""

    start: float
    end: float
    text: str
    spaced: bool
    """A space stands before it."""


def tokens(segment: Segment) -> list[Token]:
    """Break a line into its tokens.

    Times, in seconds, come from the words where there are any; inside a word, or a line without
    words, time passes evenly with the columns.
    """
    text, starts, ends = "", [], []
    for span in spans(segment):
        said = span.text.strip()
        margin = len(span.text) - len(span.text.lstrip())
        rate = (span.end - span.start) / max(columns(said), 1)
        done = 0
        for number, character in enumerate(span.text):
            starts.append(span.start + rate * done)
            done += columns(character) if margin <= number < margin + len(said) else 0
            ends.append(span.start + rate * done)
        text += span.text
    return [
        Token(starts[first], ends[last - 1], text[first:last], first > 0 and text[first - 1] == " ")
        for first, last in _pieces("".join(" " if c.isspace() else c for c in text))
    ]


def joined(line: Sequence[Token]) -> str:
    """Write tokens on one line, without space before the first."""
    return "".join(f" {token.text}" if token.spaced else token.text for token in line).strip()


def _pieces(text: str) -> Iterator[tuple[int, int]]:
    first = 0
    for place in range(1, len(text) + 1):
        ends = place == len(text) or text[place] == " " or text[place - 1] == " "
        if ends or may_break(text[place - 1], text[place]):
            if text[first:place].strip():
                yield first, place
            first = place
