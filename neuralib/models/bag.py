"""Bags: small files that join several Demucs checkpoints into one model."""

from __future__ import annotations

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


def _weights(path: Path, rows: object, models: int) -> tuple[tuple[float, ...], ...] | None:
    if rows is None:
        return None
    try:
        weights = tuple(tuple(float(value) for value in row) for row in rows)  # type: ignore[attr-defined]  # checked by trying
    except (TypeError, ValueError):
        weights = ()
    if len(weights) != models or len({len(row) for row in weights}) != 1 or not weights[0]:
        raise CheckpointError(
            f"bag {path}: `weights` must be {models} rows of numbers, one a model, equally long"
        )
    return weights


def _segment(path: Path, seconds: object) -> float | None:
    if seconds is None:
        return None
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or seconds <= 0:
        raise CheckpointError(f"bag {path}: `segment` is {seconds!r}, not a number of seconds")
    return float(seconds)
