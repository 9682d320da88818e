"""Decoding several windows together, token by token, with OpenVINO."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuralib.engines.whisper.graph import BLOCKED
from neuralib.engines.whisper.search import Beams, Ranked, Samples, Search, Vocabulary, limits

_SEED = 0


@dataclass(frozen=True)
class Manner:
    """How to decode; windows of one manner can be decoded together."""

    beam_size: int = 1
    patience: float = 1.0
    samples: int = 1
    temperature: float = 0.0
    """0: beams; above: samples."""
    length_penalty: float = 1.0
    max_length: int = 448
    """Most tokens of prompt and text together; the text alone has half of it."""
    blocked: tuple[int, ...] = ()
    """Tokens that are never said."""
    blocked_first: tuple[int, ...] = ()
    """Tokens that are not said first."""
    latest_start: int = 50
    """Latest timestamp to begin with, in steps of 20 ms."""

    def search(self, prompt: Sequence[int], end: int) -> Search:
        """Begin with a window that has this prompt."""
        most = min(self.max_length // 2, self.max_length - len(prompt))
        if self.temperature > 0:
            return Samples(self.samples, most, end, self.temperature, _SEED)
        return Beams(self.beam_size, most, end, self.patience)


@dataclass(frozen=True)
class Said:
    """One window's text; named as in `ctranslate2.models.WhisperGenerationResult`."""

    sequences_ids: list[list[int]]
    scores: list[float]
    no_speech_prob: float


class Decoding:
    """The windows of one call; prompts are padded at their beginnings to one length."""

    def __init__(
        self, request: Any, words: Vocabulary, prompts: Sequence[Sequence[int]], manner: Manner
    ) -> None:
        """Take note of what to decode; the request knows what was heard.

        Args:
            request: of the decoder's graph.
            words: of the model.
            prompts: of each window.
            manner: of all windows.
        """
        self._request = request
        self._words = words
        self._prompts = prompts
        self._manner = manner
        self._timed = prompts[0][-1] != words.times - 1
        self._length = max(map(len, prompts))
        self._pads = np.array([self._length - len(prompt) for prompt in prompts], np.int32)
        self._searches = [manner.search(prompt, words.end) for prompt in prompts]
        self._blocked = self._block(manner.blocked)

    def first_logits(self) -> NDArray[np.float32]:
        """Read the prompts; give the logits that follow each start token, (windows, vocabulary)."""
        tokens = np.zeros((len(self._prompts), self._length), np.int32)
        for row, prompt in enumerate(self._prompts):
            tokens[row, self._pads[row] :] = prompt
        places = np.arange(self._length, dtype=np.int32)
        starts = (tokens == self._words.start).argmax(axis=1)
        self._request.reset_state()
        ahead = places[None, :] > places[:, None]
        self._read(
            tokens,
            np.maximum(places - self._pads[:, None], 0),
            ahead | (places < self._pads[:, None, None]),
            list(range(len(self._prompts))),
            np.stack([starts, np.full_like(starts, self._length - 1)], axis=1),
            self._block(self._manner.blocked + self._manner.blocked_first),
        )
        logits: NDArray[np.float32] = self._request.get_output_tensor(3).data[:, 0].copy()
        return logits

    def run(self, check: Callable[[], None], leave: Callable[[list[int]], None]) -> list[Said]:
        """Decode all windows to their ends.

        Args:
            check: called before every token; what it raises ends the run.
            leave: called with the windows that go on, where others have ended: the request
                shall listen to those alone.
        """
        logits = self.first_logits()
        active = list(range(len(self._searches)))
        while True:
            parents = self._grow(active)
            going = [number for number in active if not self._searches[number].done]
            if not going:
                break
            if len(going) <= len(active) // 2:
                parents = self._parents_of(going, active, parents)
                active = going
                leave(active)
            check()
            self._step(active, parents)
        silent = self._silent(logits)
        results = []
        for search, chance in zip(self._searches, silent, strict=True):
            tokens, score = search.best(self._manner.length_penalty)
            results.append(Said([tokens], [score], chance))
        return results

    def _grow(self, active: list[int]) -> dict[int, list[int]]:
        """Let each window choose; tell which rows of the last call its rows go on from."""
        scores, tokens, everything = (
            self._request.get_output_tensor(number).data for number in range(3)
        )
        parents, row = {}, 0
        for number in active:
            search = self._searches[number]
            rows = slice(row, row + len(search.rows))
            row = rows.stop
            if search.done:
                parents[number] = list(range(rows.start, rows.stop))
            else:
                ranked = Ranked(scores[rows], tokens[rows], everything[rows])
                parents[number] = [rows.start + parent for parent in search.grow(ranked)]
        return parents

    @staticmethod
    def _parents_of(
        going: list[int], active: list[int], parents: dict[int, list[int]]
    ) -> dict[int, list[int]]:
        return {number: parents[number] for number in active if number in going}

    def _step(self, active: list[int], parents: dict[int, list[int]]) -> None:
        rows = [tokens for number in active for tokens in self._searches[number].rows]
        beams = [parent for number in active for parent in parents[number]]
        windows = [number for number in active for _ in parents[number]]
        pads = self._pads[windows]
        self._length += 1
        self._read(
            np.array([[tokens[-1]] for tokens in rows], np.int32),
            (self._length - 1 - pads)[:, None],
            np.arange(self._length) < pads[:, None, None],
            beams,
            np.zeros((len(rows), 1), np.int32),
            self._blocked,
            rows,
        )

    def _read(
        self,
        tokens: NDArray[np.int32],
        positions: NDArray[np.int32],
        hidden: NDArray[np.bool_],
        beams: list[int],
        picks: NDArray[Any],
        blocked: NDArray[np.float32],
        rows: Sequence[Sequence[int]] | None = None,
    ) -> None:
        manner, words = self._manner, self._words
        said = rows or [()] * len(tokens)
        self._request.infer(
            {
                "tokens": tokens,
                "positions": np.ascontiguousarray(positions, np.int32),
                "mask": np.float32(BLOCKED) * hidden[:, None].astype(np.float32),
                "beams": np.array(beams, np.int32),
                "picks": np.ascontiguousarray(picks, np.int32),
                "limits": np.array(
                    [limits(each, words, self._timed, manner.latest_start) for each in said],
                    np.int32,
                ),
                "blocked": blocked,
                "count": np.array(self._searches[0].candidates, np.int32),
            },
            share_outputs=True,  # the log-probabilities of all tokens are megabytes
        )

    def _block(self, tokens: Sequence[int]) -> NDArray[np.float32]:
        blocked = np.zeros(self._words.size, np.float32)
        blocked[list(tokens)] = BLOCKED
        if self._timed:
            blocked[self._words.times - 1] = BLOCKED  # the token for no timestamps
        return blocked

    def _silent(self, logits: NDArray[np.float32]) -> list[float]:
        """Give the probability of each window that nobody speaks."""
        chances = np.exp(logits - logits.max(axis=1, keepdims=True))
        silent = chances[:, self._words.no_speech] / chances.sum(axis=1)
        return [float(chance) for chance in silent]
