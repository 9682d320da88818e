"""Train the micro Whisper: a real Whisper, very small, that knows a few dozen words.

    python -m tests.micro.train_whisper --out tests/micro/whisper_micro.pt

Needs eSpeak NG and one core for about an hour; a line of losses every 25 batches, a checkpoint
every 200. Everything is seeded.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.micro.dictation import (
    N_ROWS,
    OTHER,
    TOKENIZER,
    Lesson,
    Span,
    first_target,
    lesson,
    row,
    target,
)
from tests.micro.listener import Listener
from tests.micro.listening import Listening

_HEAR, _LOOK = 0.5, 0.3
"""Weights of the helping losses; the text has 1."""
_TAKES, _BANDS = 2000, 16
"""Utterances and bands that the windows are mixed from."""


@dataclass(frozen=True)
class Stage:
    """A part of the training."""

    seconds: float
    """Length of the windows."""
    windows: int
    """Windows in a batch."""
    steps: int
    """Batches."""
    trouble: tuple[float, float]
    """How hard to hear, from the first batch to the last."""
    rates: tuple[float, float]
    """Learning rate, likewise."""
    prompts: tuple[float, float, float] = (0.65, 0.27, 0.08)
    """Shares of batches without earlier text, with up to 60 tokens of it, with up to 223."""
    songs: int = 0
    """Where above zero, everything is recorded anew, and half of the windows are voices that were
    separated from the mixes of as many songs."""
    blank: str = "space"
    """What stands in a segment without words: something that is easy to learn, later the one that
    word timing needs."""


STAGES = (
    Stage(6.0, 24, 800, (0.0, 0.5), (3e-3, 3e-3)),
    Stage(10.0, 16, 1400, (0.5, 1.0), (3e-3, 1.5e-3)),
    Stage(30.0, 6, 1000, (1.0, 1.0), (1.5e-3, 5e-5)),
    Stage(30.0, 6, 400, (1.0, 1.0), (5e-4, 1e-5), songs=30),
    Stage(30.0, 6, 700, (1.0, 1.0), (8e-4, 1e-5), (0.45, 0.3, 0.25), songs=40, blank="language"),
)


class Batch:
    """Lessons side by side, as tensors.

    `mel` `(batch, 80, 2 n)`; `tokens` rows, `(batch, steps)`; `wanted` distributions of the next
    row, `(batch, steps, N_ROWS)`, zero where nothing is asked; `heard` and `following`, where the
    token and the next one are heard, `(batch, steps, n)`; `spoken` and `spoken_before`, the word
    at each moment and the one before it, `(batch, n)`.
    """

    def __init__(self, lessons: Sequence[Lesson]) -> None:
        count, steps = len(lessons), max(len(each.steps) for each in lessons) - 1
        self.mel = torch.from_numpy(np.stack([each.mel for each in lessons]))
        self.spoken = torch.from_numpy(np.stack([each.spoken for each in lessons]))
        self.spoken_before = torch.from_numpy(np.stack([each.spoken_before for each in lessons]))
        self.tokens = torch.full((count, steps), row(TOKENIZER.eot))
        self.wanted = torch.zeros(count, steps, N_ROWS)
        self.heard = torch.zeros(count, steps, self.spoken.shape[1], dtype=torch.bool)
        self.following = torch.zeros_like(self.heard)
        for i, each in enumerate(lessons):
            self._fill(i, each)

    def _fill(self, i: int, each: Lesson) -> None:
        self.wanted[i, each.begin] = torch.from_numpy(first_target(each.speech))
        for j, (step, following) in enumerate(zip(each.steps, each.steps[1:], strict=False)):
            self.tokens[i, j] = step.row
            _mark(self.heard[i, j], step.heard)
            _mark(self.following[i, j], following.heard)
            # Language, task and whether to time are given, never guessed.
            if j >= each.begin + 2 and following.row != row(TOKENIZER.no_timestamps):
                self.wanted[i, j] = torch.from_numpy(target(following))


def _mark(frames: Tensor, span: Span) -> None:
    first, last = (max(0, round(seconds * 50)) for seconds in span)
    frames[first:last] = True


def losses(model: Listener, batch: Batch) -> dict[str, Tensor]:
    """What the model says, what it hears at every moment, and where it looks for the words."""
    audio = model.encode(batch.mel)
    logits, (first, second) = model.decode(batch.tokens, audio)
    said = -(batch.wanted * logits.log_softmax(-1)).sum() / batch.wanted.sum()
    hears = _words_loss(model.spoken(audio), batch.spoken)
    heard = _words_loss(model.spoken_before(audio), batch.spoken_before)
    # One head finds the place that the text has come to; from there the last block goes on.
    looks = _gaze_loss(first[:, :1], batch.heard) + _gaze_loss(second, batch.following)
    return {"text": said, "hear": hears + heard, "look": looks}


def _words_loss(logits: Tensor, words: Tensor) -> Tensor:
    """Cross-entropy, pauses counting a fifth of words."""
    each = F.cross_entropy(logits.flatten(0, 1), words.flatten(), reduction="none")
    weight = torch.where(words.flatten() > 0, 1.0, 0.2)
    return (each * weight).sum() / weight.sum()


def _gaze_loss(logits: Tensor, places: Tensor) -> Tensor:
    """Minus the logarithm of the attention that falls where it should."""
    inside = logits.masked_fill(~places[:, None], -1e4).logsumexp(-1)
    aimed = places.any(-1)[:, None].expand_as(inside)
    return (logits.logsumexp(-1) - inside)[aimed].mean()


def batches(listening: Listening, stage: Stage, seed: int) -> Iterator[Batch]:
    """A stage's batches; before the lessons of some of them stands earlier text."""
    rng = np.random.default_rng(seed)
    past = [row(token) for token in TOKENIZER.encode(" We follow.")]
    for step in range(stage.steps):
        trouble = _between(stage.trouble, step / stage.steps)
        longest = int(rng.choice((0, 60, 223), p=stage.prompts))
        lessons: list[Lesson] = []
        for _ in range(stage.windows):
            prompt = past[-int(rng.integers(1, longest)) :] if longest else []
            if prompt and rng.random() < 0.1:
                prompt = [OTHER if rng.random() < 0.3 else token for token in prompt]
            window = listening.window(stage.seconds, trouble)
            lessons.append(lesson(window, rng, prompt, stage.blank))
            said = [step.row for step in lessons[-1].steps[lessons[-1].begin + 3 : -1]]
            past = [*past, *said][-300:]
        yield Batch(lessons)


def _between(ends: tuple[float, float], share: float) -> float:
    return ends[0] * (1 - share) + ends[1] * share


def train(model: Listener, listening: Listening, stage: Stage, seed: int, out: Path) -> None:
    """Go through a stage."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=stage.rates[0], weight_decay=0.01)
    sums = dict.fromkeys(("text", "hear", "look"), 0.0)
    began = time.monotonic()
    for step, batch in enumerate(batches(listening, stage, seed), 1):
        warm = min(1.0, step / 50)
        optimizer.param_groups[0]["lr"] = warm * _between(stage.rates, (step - 1) / stage.steps)
        each = losses(model, batch)
        optimizer.zero_grad()
        (each["text"] + _HEAR * each["hear"] + _LOOK * each["look"]).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        sums = {name: total + each[name].item() / 25 for name, total in sums.items()}
        if step % 25 == 0:
            line = {"window": stage.seconds, "step": step, "seconds": time.monotonic() - began}
            sys.stdout.write(json.dumps({k: round(v, 3) for k, v in (line | sums).items()}) + "\n")
            sys.stdout.flush()
            sums = dict.fromkeys(sums, 0.0)
        if step % 200 == 0:
            model.write(out)
            torch.save(model.state_dict(), out.with_suffix(".state"))


def main() -> None:
    """Train from a seed, on one thread."""
    parser = argparse.ArgumentParser(description="Train the micro Whisper.")
    parser.add_argument("--out", type=Path, required=True, help="the checkpoint to write")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--resume", type=Path, help="a .state file, to go on with later stages")
    parser.add_argument("--stage", type=int, default=0, help="the first stage, from 0")
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(options.seed)
    listening = Listening(options.seed, takes=_TAKES, bands=_BANDS)
    model = Listener()
    if options.resume:
        model.load_state_dict(torch.load(options.resume, weights_only=True))
    for number, stage in enumerate(STAGES):
        if number >= options.stage:
            if stage.songs:
                pool = options.seed + number
                listening = Listening(pool, takes=_TAKES, bands=_BANDS, songs=stage.songs)
            train(model, listening, stage, options.seed + number, options.out)
    model.write(options.out)


if __name__ == "__main__":
    main()
