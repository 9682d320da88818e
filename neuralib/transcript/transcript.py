"""A transcript as a value."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Word:
    """One word; times in seconds from the start of the input."""

    start: float
    end: float
    text: str
    """As it is joined to its neighbours: usually with a leading space."""
    probability: float


@dataclass(frozen=True)
class Segment:
    """A stretch of speech, about a line; times in seconds from the start of the input."""

    start: float
    end: float
    text: str
    words: tuple[Word, ...] = ()
    """Empty unless word times were asked for."""
    avg_logprob: float = 0.0
    """Mean log-probability of the tokens: how sure the model was."""
    no_speech_prob: float = 0.0
    compression_ratio: float = 0.0
    """Of the text, by zlib: high where it repeats itself."""
    temperature: float = 0.0
    """Sampling temperature that the segment was decoded at."""


@dataclass(frozen=True)
class Transcript:
    """All segments in time order, and the language (ISO code) they are in."""

    language: str
    """`und` where nothing was said, and no language was asked for."""
    segments: tuple[Segment, ...]
    whole: str | None = None
    """The whole text, where the engine gives it apart from the segments."""

    @property
    def text(self) -> str:
        """The whole text, without space around it."""
        if self.whole is not None:
            return self.whole.strip()
        return "".join(segment.text for segment in self.segments).strip()
