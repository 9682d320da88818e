"""Bags: small files that join several Demucs checkpoints into one model."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from neuralib.errors import CheckpointError
from neuralib.models.checkpoint import form_of
from neuralib.models.files import ModelFiles


def read_bag(path: Path, licence: str = "unknown") -> ModelFiles:
    """Read a bag as demucs writes it.

    The file holds `models`, a list of signatures, and maybe `weights`, a row of numbers for
    each, and `segment`, in seconds. The checkpoint of a signature lies beside the bag as
    `<signature>.safetensors`, `<signature>.th` or `<signature>-<start of its sha256>.th`.

    Raises:
        CheckpointError: where the bag is not one, or a checkpoint of it is missing or damaged.
    """
    values = _load(path)
    models = values.get("models")
    if not isinstance(models, list) or not models:
        raise CheckpointError(f"{path} is not a bag: it has no list `models` of signatures")
    return ModelFiles(
        name=path.stem,
        paths=tuple(_find(path, signature) for signature in models),
        weights=_weights(path, values.get("weights"), len(models)),
        segment_seconds=_segment(path, values.get("segment")),
        licence=licence,
    )


def _load(path: Path) -> dict[str, Any]:
    import yaml  # type: ignore[import-untyped]  # its types are a distribution of their own

    try:
        values = yaml.safe_load(path.read_bytes())
    except (yaml.YAMLError, UnicodeDecodeError):
        raise CheckpointError(f"{path} is not a bag: it is not YAML") from None
    except OSError as error:
        raise CheckpointError(f"cannot read bag {path}: {error.strerror}") from None
    if not isinstance(values, dict):
        raise CheckpointError(f"{path} is not a bag: it has no list `models` of signatures")
    return values


def _find(path: Path, signature: object) -> Path:
    name = str(signature)
    if not name or name != Path(name).name or name.startswith("."):
        raise CheckpointError(f"bag {path}: {name!r} is not a signature (a file name's start)")
    beside = path.parent
    plain = [beside / f"{name}.safetensors", beside / f"{name}.th"]
    hashed = sorted(each for each in beside.glob("*.th") if each.stem.rpartition("-")[0] == name)
    found = [each for each in [*plain, *hashed] if each.is_file()]
    if not found:
        raise CheckpointError(
            f"bag {path} names {name}, but neither {name}.safetensors nor {name}-….th is in "
            f"{beside}; put it there"
        )
    form_of(found[0], "separate")
    return found[0]


def _weights(path: Path, rows: Any, models: int) -> tuple[tuple[float, ...], ...] | None:
    if rows is None:
        return None
    try:
        weights = tuple(tuple(float(value) for value in row) for row in rows)
    except (TypeError, ValueError):
        weights = ()
    if len(weights) != models or len({len(row) for row in weights}) != 1 or not weights[0]:
        raise CheckpointError(
            f"bag {path}: `weights` must be {models} rows of numbers, one a model, equally long"
        )
    # The stems are divided by these sums; one of zero (or of no number at all) leaves no stem.
    sums = [sum(column) for column in zip(*weights, strict=True)]
    if not all(math.isfinite(total) and total != 0 for total in sums):
        raise CheckpointError(
            f"bag {path}: `weights` give a stem no weight: the columns' sums are {sums}"
        )
    return weights


def _segment(path: Path, seconds: Any) -> float | None:
    if seconds is None:
        return None
    is_number = isinstance(seconds, (int, float)) and not isinstance(seconds, bool)
    value = float(seconds) if is_number else math.nan
    if not 0 < value < math.inf:
        raise CheckpointError(f"bag {path}: `segment` is {seconds!r}, not a number of seconds")
    return value
