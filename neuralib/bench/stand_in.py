"""Random weights in place of a checkpoint that is not here: the arithmetic without the sense."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

HTDEMUCS: dict[str, Any] = {
    "sources": ["drums", "bass", "other", "vocals"],
    "channels": 48,
    "t_layers": 5,
    "t_heads": 8,
    "bottom_channels": 512,
    "segment": {"_type": "fraction", "numerator": 39, "denominator": 5},
    "samplerate": 44_100,
}
"""Arguments of the released htdemucs."""

SMALL = {
    "n_mels": 80,
    "n_audio_ctx": 1500,
    "n_audio_state": 768,
    "n_audio_head": 12,
    "n_audio_layer": 12,
    "n_vocab": 51865,
    "n_text_ctx": 448,
    "n_text_state": 768,
    "n_text_head": 12,
    "n_text_layer": 12,
}
"""Sizes of Whisper small."""

_TOKENS = 80
"""Said in a window of 30 s, as in fast speech."""
_END = 50257


def write_stand_in(kind: str, folder: Path, **sizes: Any) -> Path:
    """Write a checkpoint for `separate` or `transcribe`.

    Args:
        kind: the task.
        folder: for the file.
        sizes: in place of those of the default model.
    """
    return (_write_htdemucs if kind == "separate" else _write_whisper)(folder, sizes)


def _write_htdemucs(folder: Path, sizes: dict[str, Any]) -> Path:
    from fractions import Fraction

    import torch
    from demucs.htdemucs import HTDemucs
    from safetensors.torch import save_file

    path = folder / "htdemucs.safetensors"
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = HTDemucs(**{**HTDEMUCS, "segment": Fraction(39, 5), **sizes})
    arguments = json.dumps({**HTDEMUCS, **sizes})
    said = {"klass": "demucs.htdemucs.HTDemucs", "args": "[]", "kwargs": arguments}
    save_file({key: value.contiguous() for key, value in model.state_dict().items()}, path, said)
    return path


def _write_whisper(folder: Path, sizes: dict[str, Any]) -> Path:
    import torch
    from whisper.model import ModelDimensions, Whisper

    path, dims = folder / "small.pt", {**SMALL, **sizes}
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(0)
        model = Whisper(ModelDimensions(**dims))
        # The position decides what is said, and ends it: random weights alone would repeat one
        # token for as long as they may.
        positions, tokens = model.decoder.positional_embedding, model.decoder.token_embedding.weight
        torch.nn.init.normal_(positions, std=4.0)
        positions[_TOKENS - 1 :: _TOKENS] += 100.0 * tokens[_END]
    weights = {name: tensor.half() for name, tensor in model.state_dict().items()}
    torch.save({"dims": dims, "model_state_dict": weights}, path)
    return path
