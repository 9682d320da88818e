"""Random Demucs checkpoints in the two forms that demucs writes and reads."""

import json
from fractions import Fraction
from pathlib import Path

import torch
from demucs.demucs import Demucs
from demucs.hdemucs import HDemucs
from demucs.htdemucs import HTDemucs
from safetensors.torch import save_file

SOURCES = ["drums", "bass", "other", "vocals"]

FULL_SIZE = {"channels": 48, "t_layers": 5, "bottom_channels": 512, "segment": Fraction(39, 5)}
"""Arguments of the released htdemucs: 41 million weights."""


def make_model(klass: type, seed: int, **arguments):
    """A model of `klass` with random weights; the same for the same seed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return klass(**{"sources": SOURCES, **arguments}).eval()


def small_htdemucs(seed: int = 0, segment: Fraction = Fraction(1, 2), **arguments) -> HTDemucs:
    return make_model(
        HTDemucs,
        seed,
        **{"channels": 8, "t_layers": 1, "t_heads": 2, "segment": segment},
        **arguments,
    )


def small_hdemucs(seed: int = 0, segment: float = 1, **arguments) -> HDemucs:
    return make_model(HDemucs, seed, channels=8, segment=segment, **arguments)


def small_demucs(seed: int = 0, segment: float = 1, **arguments) -> Demucs:
    return make_model(Demucs, seed, channels=8, segment=segment, **arguments)


def save_safetensors(model: torch.nn.Module, path: Path) -> Path:
    """Write the form of demucs 4.1's models on the Hugging Face hub."""
    args, kwargs = model._init_args_kwargs
    klass = type(model)
    metadata = {
        "klass": f"{klass.__module__}.{klass.__name__}",
        "args": json.dumps(_encode(list(args))),
        "kwargs": json.dumps(_encode(kwargs)),
    }
    save_file(
        {key: value.contiguous() for key, value in model.state_dict().items()}, path, metadata
    )
    return path


def save_package(model: torch.nn.Module, path: Path, **extra) -> Path:
    """Write the older form, with halved weights as the released files have them."""
    args, kwargs = model._init_args_kwargs
    package = {
        "klass": type(model),
        "args": args,
        "kwargs": kwargs,
        "state": {key: value.half() for key, value in model.state_dict().items()},
        "training_args": {"seed": 42, "model": "random", **extra},
    }
    torch.save(package, path)
    return path


def _encode(value):
    if isinstance(value, Fraction):
        return {
            "_type": "fraction",
            "numerator": value.numerator,
            "denominator": value.denominator,
        }
    if isinstance(value, dict):
        return {key: _encode(item) for key, item in value.items()}
    return [_encode(item) for item in value] if isinstance(value, list | tuple) else value
