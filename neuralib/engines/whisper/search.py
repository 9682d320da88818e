"""Choosing the text of one window: beams, or samples, as openai-whisper chooses.

The rules are those of `whisper/decoding.py` (`BeamSearchDecoder`, `GreedyDecoder`,
`ApplyTimestampRules`, `MaximumLikelihoodRanker`); the graph of `graph.py` applies them to
the logits.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Integers = NDArray[np.int32]


@dataclass(frozen=True)
class Vocabulary:
    """Numbers of the tokens that are no words."""

    size: int
    start: int
    end: int
    no_speech: int
    times: int
    """The timestamp 0.00; the others follow it, 20 ms apart."""
    blank: tuple[int, ...] = ()
    """What a text does not begin with: a space alone, and its end."""


@dataclass(frozen=True)
class Ranked:
    """What may follow each row of a window, best first."""

    scores: Floats
    """Log-probabilities, (rows, candidates)."""
    tokens: Integers
    everything: Floats
    """Log-probabilities of the whole vocabulary, (rows, vocabulary)."""


class Search(ABC):
    """Grows the rows of one window until enough of them have ended.

    It starts from one row, which has read the prompt, and has `width` rows from then on.
    """

    candidates: int
    """How many of the likeliest tokens it looks at."""

    def __init__(self, width: int, most_tokens: int, end: int) -> None:
        self.width = width
        self.rows: list[tuple[int, ...]] = [()]
        """The tokens of each row, after the prompt."""
        self.scores = [0.0]
        self._most_tokens = most_tokens
        self._end = end

    @property
    def done(self) -> bool:
        """Whether there is nothing left to choose."""
        return len(self.rows[0]) >= self._most_tokens or self._ended()

    @abstractmethod
    def grow(self, ranked: Ranked) -> list[int]:
        """Add a token to each row; tell which row of before each one goes on from."""

    @abstractmethod
    def _ended(self) -> bool: ...

    @abstractmethod
    def _results(self) -> list[tuple[tuple[int, ...], float]]:
        """List tokens, without the end, and the sum of their log-probabilities."""

    def best(self, length_penalty: float) -> tuple[list[int], float]:
        """Give the tokens whose log-probability is highest for their length, and that score."""
        ranked = [
            (score / max(len(tokens), 1) ** length_penalty, tokens)
            for tokens, score in self._results()
        ]
        score, tokens = max(ranked, key=lambda each: each[0])
        return list(tokens), score


class Beams(Search):
    """The likeliest texts, side by side; one beam is greedy decoding."""

    def __init__(self, width: int, most_tokens: int, end: int, patience: float) -> None:
        super().__init__(width, most_tokens, end)
        self.candidates = width + 1
        self._finished: dict[tuple[int, ...], float] = {}
        self._wanted = max(round(width * patience), 1)

    def grow(self, ranked: Ranked) -> list[int]:
        """Keep the likeliest of all rows' candidates; see `Search`."""
        found: dict[tuple[int, ...], tuple[float, int]] = {}
        for row, (tokens, score) in enumerate(zip(self.rows, self.scores, strict=True)):
            pairs = zip(ranked.scores[row].tolist(), ranked.tokens[row].tolist(), strict=True)
            for more, token in pairs:
                found[(*tokens, token)] = score + more, row
        kept, parents, scores = [], [], []
        for tokens, (score, row) in sorted(found.items(), key=lambda each: -each[1][0]):
            if tokens[-1] != self._end:
                kept.append(tokens)
                parents.append(row)
                scores.append(score)
            elif len(self._finished) < self._wanted:
                self._finished[tokens[:-1]] = score
            if len(kept) == self.width:
                break
        self.rows, self.scores = kept, scores
        return parents

    def _ended(self) -> bool:
        return len(self._finished) >= self._wanted

    def _results(self) -> list[tuple[tuple[int, ...], float]]:
        unfinished = sorted(zip(self.rows, self.scores, strict=True), key=lambda each: -each[1])
        missing = max(self.width - len(self._finished), 0)
        return [*self._finished.items(), *unfinished[:missing]]


class Samples(Search):
    """Texts drawn at random, of which the likeliest is taken."""

    candidates = 1

    def __init__(
        self, width: int, most_tokens: int, end: int, temperature: float, seed: int
    ) -> None:
        super().__init__(width, most_tokens, end)
        self._temperature = temperature
        self._random = np.random.default_rng(seed)

    def grow(self, ranked: Ranked) -> list[int]:
        """Draw a token for each row; see `Search`."""
        parents = list(range(self.width)) if len(self.rows) > 1 else [0] * self.width
        chances = ranked.everything[parents]
        drawn = [self._draw(row) for row in chances]
        rows, scores = [], []
        for number, (parent, token) in enumerate(zip(parents, drawn, strict=True)):
            tokens, score = self.rows[parent], self.scores[parent]
            if tokens and tokens[-1] == self._end:
                rows.append((*tokens, self._end))
                scores.append(score)
            else:
                rows.append((*tokens, token))
                scores.append(score + float(chances[number, token]))
        self.rows, self.scores = rows, scores
        return parents

    def _draw(self, chances: Floats) -> int:
        weights = np.exp((chances - chances.max()) / np.float32(self._temperature))
        sums = weights.cumsum(dtype=np.float64)
        # A float32 below 1 times a float64 stays below it, so that a token is always found.
        place = float(self._random.random(dtype=np.float32)) * sums[-1]
        return int(np.searchsorted(sums, place, side="right"))

    def _ended(self) -> bool:
        return all(tokens and tokens[-1] == self._end for tokens in self.rows)

    def _results(self) -> list[tuple[tuple[int, ...], float]]:
        return [
            (tokens[: tokens.index(self._end)] if self._end in tokens else tokens, score)
            for tokens, score in zip(self.rows, self.scores, strict=True)
        ]


def limits(
    tokens: Sequence[int], words: Vocabulary, timed: bool, latest_start: int
) -> tuple[int, int, int, int]:
    """Say what may follow `tokens`, as the graph's `limits` take it.

    Args:
        tokens: after the prompt.
        words: of the model.
        timed: whether the text has timestamps.
        latest_start: the latest timestamp that it may begin with, in steps of 20 ms.
    """
    if not timed:
        return 0, words.times, words.size, 0
    if not tokens:
        return words.times, words.times, min(words.times + latest_start + 1, words.size), 1
    ends_in_time = tokens[-1] >= words.times
    after_pair = ends_in_time and (len(tokens) < 2 or tokens[-2] >= words.times)
    latest = max((token for token in tokens if token >= words.times), default=words.times - 1)
    if after_pair:
        return 0, words.size, words.size, 1
    if ends_in_time:
        return words.end, latest, words.size, 1
    return 0, latest + 1, words.size, 1
