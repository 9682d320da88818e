"""A Whisper of any size that recites one text a window, whatever it hears.

Random weights alone decode noise until the token limit, fall back through all temperatures, and
say nothing about speed. Here encoder, attention and projections are random, so that all the
arithmetic is done, and the last block of the decoder is written by hand: it looks the present token
up and gives the one that follows. Every window is decoded to about as many tokens as fast speech
has, with timestamps, at the first temperature, by every engine that reads OpenAI's checkpoints.

Each word has a second choice, which leads on to the same next word, so that all beams differ and
end together, as those of a trained model do; else a search goes on long after the best beam ended.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import torch
from whisper.model import ModelDimensions, Whisper
from whisper.tokenizer import Tokenizer, get_tokenizer

TEXT = """the morning train leaves old harbour before seven
while grey gulls follow every ship along north shore
my sister wrote long letters about winter and snow
we read them by candle light when evening came
nobody knew what that small box really held
until father opened it with two silver keys
inside lay maps of islands far beyond home
so they sailed away to find green water"""
"""One line a segment; every token occurs once in it."""

_SCALE = 0.05
_SHARE = 0.55
"""Part of the first choice in what the last block adds; the second has the rest."""


def write_reciter(path: Path, *, state: int = 768, heads: int = 12, layers: int = 12) -> Path:
    """Write the checkpoint in OpenAI's format, with the sizes of `small` by default."""
    dims = {
        "n_mels": 80,
        "n_audio_ctx": 1500,
        "n_audio_state": state,
        "n_audio_head": heads,
        "n_audio_layer": layers,
        "n_vocab": 51865,
        "n_text_ctx": 448,
        "n_text_state": state,
        "n_text_head": heads,
        "n_text_layer": layers,
    }
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = Whisper(ModelDimensions(**dims))
        _teach(model, _successors(get_tokenizer(True, language="en", task="transcribe")))
    weights = {name: tensor.half() for name, tensor in model.state_dict().items()}
    torch.save({"dims": dims, "model_state_dict": weights}, path)
    return path


def _successors(tokenizer: Tokenizer) -> list[tuple[int, int, int]]:
    """List (token, first choice of what follows, second choice)."""
    chain = _chain(tokenizer)
    used = {first for first, _ in chain}
    spare = (
        token
        for token in range(1000, tokenizer.eot)
        if token not in used and tokenizer.decode([token])[1:].isalpha()
    )
    pairs = [
        (first, next(spare) if is_word and number % 2 else first)
        for number, (first, is_word) in enumerate(chain)
    ]
    found = []
    for (first, second), (then, other) in pairwise(pairs):
        found += [(token, then, other) for token in dict.fromkeys((first, second))]
    return found


def _chain(tokenizer: Tokenizer) -> list[tuple[int, bool]]:
    """List (token, whether it is a part of a word) from the first to the last of a window."""
    chain = [(token, False) for token in tokenizer.sot_sequence]
    lines = TEXT.split("\n")
    length = 1500 / len(lines)
    for number, line in enumerate(lines):
        start = round(number * length + 10 * bool(number))
        chain.append((tokenizer.timestamp_begin + start, False))
        chain += [(token, True) for token in tokenizer.encode(" " + line)]
        chain.append((tokenizer.timestamp_begin + round((number + 1) * length), False))
    chain.append((tokenizer.eot, False))
    tokens = [token for token, _ in chain]
    assert len(set(tokens)) == len(tokens), "a token that occurs twice has two successors"
    return chain


@torch.no_grad()
def _teach(model: Whisper, successors: list[tuple[int, int, int]]) -> None:
    decoder = model.decoder
    embeddings = decoder.token_embedding.weight
    torch.nn.init.normal_(embeddings, std=_SCALE)
    torch.nn.init.normal_(decoder.positional_embedding, std=_SCALE / 20)
    for block in decoder.blocks:
        for layer in (block.attn.out, block.cross_attn.out, block.mlp[2]):
            layer.weight *= 0.01
            layer.bias *= 0.01
    look, say = decoder.blocks[-1].mlp[0], decoder.blocks[-1].mlp[2]
    size = embeddings.shape[1] ** 0.5
    for unit, (token, first, second) in enumerate(successors):
        key = embeddings[token]
        look.weight[unit] = key / key.norm()
        look.bias[unit] = -size / 2
        said = embeddings[first] * _SHARE + embeddings[second] * (1 - _SHARE)
        say.weight[:, unit] = said * (4 / (size / 2))
