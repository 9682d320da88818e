"""Whisper checkpoints with random weights, in OpenAI's format: the arithmetic without the sense."""

from __future__ import annotations

from pathlib import Path

import torch
from whisper.model import ModelDimensions, Whisper

TINY = {
    "n_mels": 80,
    "n_audio_ctx": 1500,
    "n_audio_state": 64,
    "n_audio_head": 2,
    "n_audio_layer": 2,
    "n_vocab": 51865,
    "n_text_ctx": 448,
    "n_text_state": 64,
    "n_text_head": 2,
    "n_text_layer": 2,
}
"""Multilingual, and small enough for a test."""

SMALL = {
    **TINY,
    "n_audio_state": 768,
    "n_audio_head": 12,
    "n_audio_layer": 12,
    "n_text_state": 768,
    "n_text_head": 12,
    "n_text_layer": 12,
}
"""The sizes of OpenAI's `small`, for measuring speed."""


_MOST_TOKENS = 40


def write_random_checkpoint(
    path: Path,
    *,
    seed: int = 0,
    dtype: torch.dtype = torch.float16,
    timestamps: bool = True,
    **dims: int,
) -> Path:
    """Write a checkpoint that says a few words out of all languages.

    Args:
        path: the file.
        seed: of the weights.
        dtype: of the weights.
        timestamps: whether it divides what it says; if not, there is one segment a window.
        dims: replace those of `TINY`.
    """
    dims = {**TINY, **dims}
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = Whisper(ModelDimensions(**dims))
        _make_terse(model, timestamps)
    state = {name: tensor.to(dtype) for name, tensor in model.state_dict().items()}
    torch.save({"dims": dims, "model_state_dict": state}, path)
    return path


@torch.no_grad()
def _make_terse(model: Whisper, timestamps: bool) -> None:
    """Let the position decide what is said, and end it at every 40th.

    Random weights alone repeat one token for as long as they may.
    """
    positions, tokens = model.decoder.positional_embedding, model.decoder.token_embedding.weight
    torch.nn.init.normal_(positions, std=4.0)
    end = 50257 if model.is_multilingual else 50256
    positions[_MOST_TOKENS - 1 :: _MOST_TOKENS] += 100.0 * tokens[end]
    if not timestamps:
        tokens[-1501:] = 0.0


def load_reference(path: Path) -> Whisper:
    """Load a checkpoint as openai-whisper does, without anything of NeuraLib."""
    content = torch.load(path, weights_only=True)
    model = Whisper(ModelDimensions(**content["dims"]))
    model.load_state_dict(content["model_state_dict"])
    return model.eval()
