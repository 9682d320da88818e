"""Random Demucs checkpoints in the two forms that demucs writes and reads."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import torch
from demucs.demucs import Demucs
from demucs.hdemucs import HDemucs
from demucs.htdemucs import HTDemucs
from safetensors.torch import save_file

SOURCES = ("drums", "bass", "other", "vocals")

FULL_SIZE: dict[str, Any] = {
    "channels": 48,
    "t_layers": 5,
    "t_heads": 8,
    "bottom_channels": 512,
    "segment": Fraction(39, 5),
    "samplerate": 44_100,
}
"""Arguments of the released htdemucs, which make 41 million weights."""

RATE = {"samplerate": 8000}

SMALL: dict[type[torch.nn.Module], dict[str, Any]] = {
    HTDemucs: {"channels": 8, "t_layers": 1, "t_heads": 2, "segment": Fraction(1, 2), **RATE},
    HDemucs: {"channels": 8, "segment": 1, **RATE},
    Demucs: {"channels": 8, "segment": 1, **RATE},
}
"""Arguments that make models of 0.4 to 2.4 million weights with short segments, by class."""


def make_model(klass: type[torch.nn.Module], seed: int = 0, **arguments: Any) -> torch.nn.Module:
    """A model of `klass` with random weights, the same for the same seed; small if not told."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return klass(**{"sources": list(SOURCES), **(SMALL[klass] | arguments)}).eval()


def save_safetensors(model: torch.nn.Module, path: Path, **metadata: str) -> Path:
    """Write the form of demucs 4.1's models on the Hugging Face hub (`demucs/hf.py`)."""
    args, kwargs = model._init_args_kwargs
    described = {
        "klass": f"{type(model).__module__}.{type(model).__name__}",
        "args": json.dumps(_encode(list(args))),
        "kwargs": json.dumps(_encode(kwargs)),
    }
    state = {key: value.contiguous() for key, value in model.state_dict().items()}
    save_file(state, path, described | metadata)
    return path


def save_package(model: torch.nn.Module, path: Path, **entries: Any) -> Path:
    """Write the older form (`demucs.states.serialize_model`), its weights in half precision."""
    args, kwargs = model._init_args_kwargs
    package = {
        "klass": type(model),
        "args": args,
        "kwargs": kwargs,
        "state": {key: value.half() for key, value in model.state_dict().items()},
        "training_args": {"seed": 42, "optim": {"lr": 3e-4}},
    }
    torch.save(package | entries, path)
    return path


def _encode(value: Any) -> Any:
    if isinstance(value, Fraction):
        numbers = {"numerator": value.numerator, "denominator": value.denominator}
        return {"_type": "fraction", **numbers}
    if isinstance(value, dict):
        return {key: _encode(item) for key, item in value.items()}
    return [_encode(item) for item in value] if isinstance(value, list | tuple) else value
