"""Basic Pitch's graph in the form for processors, made once and kept beside the models."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuralib.engines.base import Prepare
from neuralib.engines.basic_pitch.weights import Unsupported
from neuralib.errors import OutputError
from neuralib.midi.times import KEPT_FRAMES, TRIM_FRAMES, WINDOW_SAMPLES
from neuralib.models.files import ModelFiles

_LOG = logging.getLogger(__name__)

_FORM = "basic-pitch-onnx-4"
"""Name of the prepared form; another number when the graph becomes another."""
_GRAPH = "graph.onnx"
_TOLERANCE = 1e-4
"""Of probabilities; they differ by less than a hundredth of it."""


def processor_graph(model: ModelFiles, prepared: Prepare | None) -> bytes:
    """Give the ONNX graph that computes what `model` does, five times as fast on a processor.

    Only where it is not there yet `onnx` is imported.

    Args:
        model: the graph of basic-pitch 0.4.
        prepared: makes the folder once; without it, or where no folder can be written, the
            graph is made for this process.

    Raises:
        Unsupported: where the file is something else.
        CheckpointError: where the file cannot be read.
    """
    path = model.paths[0]
    if prepared is None:
        return _converted(path)
    try:
        folder = prepared(model, _FORM, lambda new: _write(new / _GRAPH, path))
        return (folder / _GRAPH).read_bytes()
    except OutputError:
        return _converted(path)


def _write(graph: Path, path: Path) -> None:
    _LOG.info("preparing %s for processors, once", path)
    graph.write_bytes(_converted(path))


def _converted(path: Path) -> bytes:
    try:
        import onnx
        from google.protobuf.message import DecodeError

        from neuralib.engines.basic_pitch.graph import build_graph
        from neuralib.engines.basic_pitch.weights import read_weights

        content = path.read_bytes()
        weights = read_weights(onnx.load_from_string(content))
        graph: bytes = build_graph(weights).SerializeToString()
        _compare(content, graph)
    except (ImportError, DecodeError, OSError) as error:
        raise Unsupported(str(error)) from error
    return graph


def _compare(content: bytes, graph: bytes) -> None:
    """Make sure that both graphs say the same, whatever else in the file is not looked at."""
    noise = np.random.default_rng(0).normal(0, 0.1, (1, WINDOW_SAMPLES, 1)).astype(np.float32)
    expected, found = _run(content, noise), _run(graph, noise, np.array([KEPT_FRAMES]))
    for name, values in expected.items():
        kept = values[:, TRIM_FRAMES:-TRIM_FRAMES]
        if not np.allclose(found[name], kept, rtol=0, atol=_TOLERANCE):
            raise Unsupported(f"its {name} is not what its weights say")


def _run(graph: bytes, *values: NDArray[Any]) -> dict[str, NDArray[np.float32]]:
    from onnxruntime import InferenceSession, SessionOptions

    options = SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    names = [each.name for each in session.get_outputs()]
    inputs = [each.name for each in session.get_inputs()]
    outputs = session.run(names, dict(zip(inputs, values, strict=True)))
    return dict(zip(names, outputs, strict=True))
