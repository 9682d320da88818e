"""Beams and samples are chosen as openai-whisper chooses them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from whisper.decoding import ApplyTimestampRules, BeamSearchDecoder
from whisper.tokenizer import get_tokenizer

from neuralib.engines.whisper.quiet import whisper_quiet
from neuralib.engines.whisper.search import Beams, Ranked, Samples, Vocabulary, limits

END = 0


def ranked(chances: np.ndarray, count: int) -> Ranked:
    best = np.argsort(-chances, axis=1, kind="stable")[:, :count].astype(np.int32)
    return Ranked(np.take_along_axis(chances, best, 1), best, chances)


def chances_of(seed: int, rows: int) -> np.ndarray:
    logits = np.random.default_rng(seed).standard_normal((rows, 12)).astype(np.float32)
    chances: np.ndarray = torch.log_softmax(torch.from_numpy(2 * logits), -1).numpy()
    return chances


class Unused:
    def rearrange_kv_cache(self, _: list[int]) -> None:
        pass


@settings(deadline=None)
@given(width=st.integers(1, 5), seed=st.integers(0, 2**16), patience=st.sampled_from([1.0, 2.0]))
def test_beams_are_openai_whispers(width: int, seed: int, patience: float) -> None:
    """What follows depends on the row alone, so that both can be asked with the same numbers."""
    ours = Beams(width, 30, END, patience)
    theirs = BeamSearchDecoder(width, END, Unused(), patience)  # type: ignore[arg-type]
    tokens, sums = torch.full((width, 1), 99), torch.zeros(width)
    for step in range(30):
        chances = chances_of(seed + step, 1)
        ours.grow(ranked(np.repeat(chances, len(ours.rows), 0), ours.candidates))
        logits = torch.from_numpy(np.repeat(chances, width, 0))
        tokens, completed = theirs.update(tokens, logits, sums)
        assert ours.done == (completed or step == 29)
        if completed:
            break
    with whisper_quiet():
        found, scores = theirs.finalize(tokens[None], sums[None])
    texts = [[token for token in text[1:].tolist() if token != END] for text in found[0]]
    values = [score / max(len(text), 1) for text, score in zip(texts, scores[0], strict=True)]
    best, score = ours.best(1.0)
    assert score == pytest.approx(max(values), abs=1e-5)
    assert texts[int(np.argmax(values))] == best


def test_samples_follow_their_chances() -> None:
    chances = np.log(np.array([[0.01, 0.69, 0.3]], np.float32))
    search = Samples(4000, 5, END, 1.0, 0)
    assert search.grow(ranked(chances, 1)) == [0] * 4000
    share = np.mean([row == (1,) for row in search.rows])
    assert share == pytest.approx(0.69, abs=0.03)


@pytest.mark.parametrize("temperature", [0.05, 1.0])
def test_what_is_blocked_is_never_drawn(temperature: float) -> None:
    chances = np.array([[-1e9, np.log(0.5), -1e9, np.log(0.5), -1e9]], np.float32)
    search = Samples(2000, 5, END, temperature, 0)
    search.grow(ranked(chances, 1))
    assert set(search.rows) == {(1,), (3,)}


def test_samples_end_one_by_one() -> None:
    sure = {token: np.full((1, 3), -1e9, np.float32) for token in (END, 2)}
    for token, chances in sure.items():
        chances[0, token] = -0.5
    search = Samples(2, 9, END, 0.4, 0)
    search.grow(ranked(sure[2], 1))
    assert search.grow(ranked(np.concatenate([sure[END], sure[2]]), 1)) == [0, 1]
    assert not search.done
    search.grow(ranked(np.concatenate([sure[2], sure[END]]), 1))
    assert search.done
    # The ended one has the fewer tokens to share its log-probability.
    assert search.best(1.0) == ([2, 2], -0.75)


def test_a_text_ends_at_the_limit() -> None:
    search = Beams(2, 3, END, 1.0)
    for _ in range(3):
        assert not search.done
        search.grow(ranked(np.repeat(chances_of(1, 1), len(search.rows), 0), 3))
    assert search.done


with whisper_quiet():
    TOKENIZER = get_tokenizer(True, language="en", task="transcribe")
WORDS = Vocabulary(51865, 50258, TOKENIZER.eot, TOKENIZER.no_speech, TOKENIZER.timestamp_begin)
TIMES = TOKENIZER.timestamp_begin


@pytest.mark.parametrize(
    "said",
    [
        (),
        (TIMES,),
        (TIMES, 100),
        (TIMES, 100, TIMES + 7),
        (TIMES, 100, TIMES + 7, TIMES + 7),
        (TIMES, 100, TIMES + 7, TIMES + 9, 5),
        (TIMES + 40, 5, 6, TIMES + 1500),
    ],
)
def test_what_may_follow_is_openai_whispers(said: tuple[int, ...]) -> None:
    logits = torch.zeros(1, WORDS.size)
    logits[:, TIMES:] = -99.0  # so that the timestamps together are not preferred
    ApplyTimestampRules(TOKENIZER, 3, 50).apply(logits, torch.tensor([[1, 2, 3, *said]]))
    allowed = torch.isfinite(logits[0]).numpy()
    allowed[TOKENIZER.no_timestamps] = True  # is blocked for all of the text
    text_from, low, high, prefers = limits(said, WORDS, True, 50)
    numbers = np.arange(WORDS.size)
    expected = np.where(numbers < TIMES, numbers >= text_from, (low <= numbers) & (numbers < high))
    expected[TOKENIZER.no_timestamps] = True
    np.testing.assert_array_equal(allowed, expected)
    assert prefers
