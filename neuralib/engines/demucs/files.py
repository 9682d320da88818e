"""Reading Demucs checkpoints without running code from them.

Two forms are known: demucs 4.1's safetensors, whose metadata names the class and its arguments
(`demucs/hf.py`), and the older packages `.th`, pickled dictionaries with `klass`, `args`,
`kwargs` and `state` (`demucs/states.py`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from neuralib.engines.demucs.checkpoint import (
    Checkpoint,
    architectures,
    describe,
    quantised,
)
from neuralib.engines.refusal import brief, reason_of, wanted_code
from neuralib.errors import CheckpointError, EngineMissing

_ZIP_MAGIC = b"PK\x03\x04"
"""How the files of torch.save start; those from before PyTorch 1.6 cannot be read safely."""
_FORMS = "Demucs checkpoints are .safetensors of demucs 4.1 and .th packages"


def read_checkpoint(path: Path) -> Checkpoint:
    """Read what `path` says about its model.

    Raises:
        CheckpointError: where the file is damaged, would run code, or is no Demucs checkpoint.
        EngineMissing: where demucs, or `diffq` for a quantised checkpoint, is not installed.
    """
    try:
        with path.open("rb") as file:
            packaged = file.read(len(_ZIP_MAGIC)) == _ZIP_MAGIC
    except OSError as error:
        raise CheckpointError(f"cannot read checkpoint {path}: {error.strerror}") from None
    return _read_package(path) if packaged else _read_safetensors(path)


def _read_safetensors(path: Path) -> Checkpoint:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
    except (SafetensorError, OSError) as error:
        raise CheckpointError(
            f"{path} is damaged, or not a checkpoint ({brief(str(error))}); {_FORMS}"
        ) from None
    klass = architectures().get(metadata.get("klass", ""))
    if klass is None:
        raise CheckpointError(
            f"{path} holds weights of {metadata.get('klass', 'an unnamed model')}, not of Demucs; "
            f"{_FORMS}"
        )
    try:
        args, kwargs = (_decode(json.loads(metadata[key])) for key in ("args", "kwargs"))
        structure = json.loads(metadata.get("structure", "null"))
    except (KeyError, TypeError, ValueError, ZeroDivisionError, RecursionError) as error:
        raise CheckpointError(
            f"{path} is damaged: its metadata cannot be read ({brief(str(error))}); export it again"
        ) from None
    return describe(path, klass, args, kwargs, lambda: _read_tensors(path, structure))


def _read_tensors(path: Path, structure: Any) -> Any:
    from safetensors.torch import load_file

    tensors = load_file(path)
    return tensors if structure is None else _unflatten(structure, tensors)


def _decode(value: Any) -> Any:
    """Undo the JSON form of the arguments (`demucs.hf`), where segments are fractions."""
    if isinstance(value, dict):
        if value.get("_type") == "fraction":
            return Fraction(value["numerator"], value["denominator"])
        return {key: _decode(item) for key, item in value.items()}
    return [_decode(item) for item in value] if isinstance(value, list) else value


def _unflatten(node: Any, tensors: Mapping[str, Any]) -> Any:
    """Rebuild the nested state of a quantised model from `demucs.hf`'s `structure`."""
    if not isinstance(node, dict):
        return node
    ((kind, value),) = node.items()
    if kind == "_tensor":
        return tensors[value]
    if kind == "_class":
        return _quantisers()[value]
    if kind == "_dict":
        return {key: _unflatten(item, tensors) for key, item in value}
    items = (_unflatten(item, tensors) for item in value)
    return {"_list": list, "_tuple": tuple}[kind](items)


def _quantisers() -> dict[str, Any]:
    try:
        from diffq import DiffQuantizer, UniformQuantizer
    except ImportError:
        raise quantised() from None
    return {
        f"{each.__module__}.{each.__name__}": each for each in (DiffQuantizer, UniformQuantizer)
    }


def _read_package(path: Path) -> Checkpoint:
    package = _unpickle(path)
    klass: Any = package.get("klass") if isinstance(package, dict) else None
    if not any(klass is known for known in architectures().values()):
        raise CheckpointError(f"{path} is a PyTorch file, but not of a Demucs model; {_FORMS}")
    args, kwargs = package.get("args", ()), package.get("kwargs", {})
    return describe(path, klass, args, kwargs, lambda: _unpickle(path)["state"])


def _unpickle(path: Path) -> Any:
    import torch

    with torch.serialization.safe_globals(_harmless()):
        try:
            return torch.load(path, map_location="cpu", weights_only=True, mmap=True)
        except MemoryError:
            raise
        except Exception as error:  # a damaged pickle can raise anything
            raise _refusal(path, error) from None


def _harmless() -> list[Callable[..., Any] | tuple[Callable[..., Any], str]]:
    """List what packages may name beside tensors and plain values.

    The names of numpy's are for the scalars that some packages hold among their training
    arguments, pickled by numpy 1 or 2.
    """
    scalar = np.float64(0).__reduce__()[0]
    dtypes = [type(np.dtype(name)) for name in ("f4", "f8", "i4", "i8", "?")]
    scalars = [(scalar, f"numpy.{core}.multiarray.scalar") for core in ("core", "_core")]
    try:
        quantisers = list(_quantisers().values())
    except EngineMissing:
        quantisers = []
    return [*architectures().values(), Fraction, np.dtype, *dtypes, *scalars, *quantisers]


def _refusal(path: Path, error: Exception) -> CheckpointError | EngineMissing:
    code = wanted_code(error)
    if code is None:
        return CheckpointError(
            f"{path} is damaged, or not a checkpoint ({reason_of(error)}); {_FORMS}"
        )
    if code.startswith("diffq."):
        return quantised()
    return CheckpointError(
        f"{path} wants to run {code} when it is loaded, which is not done here; take the "
        "model as .safetensors"
    )
