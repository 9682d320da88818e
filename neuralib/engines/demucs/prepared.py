"""HTDemucs checkpoints turned into graphs for OpenVINO, once, and kept beside the models."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from pathlib import Path

from neuralib.engines.base import Prepare
from neuralib.engines.demucs.checkpoint import Checkpoint
from neuralib.engines.demucs.files import read_checkpoint
from neuralib.engines.refusal import brief
from neuralib.errors import CheckpointError, OutputError
from neuralib.models.files import ModelFiles

_LOG = logging.getLogger(__name__)

_FORM = "htdemucs-openvino"
_VERSION = 3
"""Of the prepared form; another one when the graph becomes another."""
_GRAPH = "graph.xml"
_DESCRIPTION = "description.json"


class Unsupported(Exception):
    """The model has layers for which there is no graph; PyTorch runs it."""


@dataclass(frozen=True)
class PreparedDemucs:
    """A graph in its folder, and what the checkpoint says about the model."""

    path: Path
    """The checkpoint."""
    graph: Path
    sources: tuple[str, ...]
    sample_rate: int
    channels: int
    segment_frames: int
    transform_size: int


def prepare(path: Path, segment_seconds: float | None, prepared: Prepare) -> PreparedDemucs:
    """Give the graph of a checkpoint; only where it is not there yet torch is imported.

    Args:
        path: the checkpoint.
        segment_seconds: the bag's wish for the length of a segment.
        prepared: makes the folder once.

    Raises:
        Unsupported: where there is no graph for the model.
        CheckpointError: where the checkpoint, or what was prepared of it, cannot be read.
        EngineMissing: where demucs, or `diffq` for a quantised checkpoint, is not installed.
        OutputError: where no folder can be written.
    """
    length = "" if segment_seconds is None else f"-{round(1e6 * segment_seconds)}us"
    form = f"{_FORM}{length}-{_VERSION}"
    model = ModelFiles(path.name, (path,))
    folder = prepared(model, form, lambda folder: _convert(path, segment_seconds, folder))
    try:
        facts = json.loads((folder / _DESCRIPTION).read_text(encoding="utf-8"))
        facts["sources"] = tuple(facts["sources"])
        return PreparedDemucs(path=path, graph=folder / _GRAPH, **facts)
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise CheckpointError(
            f"{folder} is damaged ({brief(str(error))}); remove it, and it is made again"
        ) from None


def has_graph(checkpoint: Checkpoint, segment_seconds: float | None) -> bool:
    """Whether a graph can be made of a checkpoint."""
    from neuralib.engines.demucs.graph import is_supported

    return checkpoint.klass.__name__ == "HTDemucs" and is_supported(
        checkpoint.arguments, checkpoint.segment_frames(segment_seconds)
    )


def _convert(path: Path, segment_seconds: float | None, folder: Path) -> None:
    from neuralib.engines.demucs.graph import build_graph

    checkpoint = read_checkpoint(path)
    if not has_graph(checkpoint, segment_seconds):
        raise Unsupported
    import openvino

    _LOG.info("preparing %s for OpenVINO, once", path)
    model = checkpoint.build(segment_seconds)
    graph = build_graph(model, checkpoint.arguments)
    try:
        openvino.save_model(graph, folder / _GRAPH, compress_to_fp16=False)
    except RuntimeError as error:  # all that OpenVINO raises where it cannot write
        raise OutputError(f"cannot write {str(folder.parent)!r}: {brief(str(error))}") from None
    facts = {
        "sources": checkpoint.sources,
        "sample_rate": checkpoint.sample_rate,
        "channels": checkpoint.channels,
        "segment_frames": checkpoint.segment_frames(segment_seconds),
        "transform_size": model.nfft,
    }
    (folder / _DESCRIPTION).write_text(json.dumps(facts), encoding="utf-8")
